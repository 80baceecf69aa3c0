// Digests of messages; see the header.
#include "tests/crash/message_digest.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "postoffice/byte_stream.h"
#include "postoffice/derived_key.h"
#include "postoffice/mmff_reader.h"

namespace smtpgate::crash {

using postoffice::MessageHeader;
using postoffice::TypedAddress;

namespace {

void add(std::string& digest, std::string_view name, const std::vector<TypedAddress>& addresses) {
  for (const TypedAddress& address : addresses) {
    digest.append(" ")
        .append(name)
        .append("=")
        .append(address.str())
        .append("|")
        .append(address.name);
  }
}

bool differs_rightly(std::string_view field) {
  namespace ext = postoffice::ext;
  return field == ext::received || field == ext::trace || field == ext::queue_id;
}

std::string damaged(const std::string& why) {
  return std::string(damaged_mark) + " " + why;
}

/// Of the message whose header `reader` has just read, up to its end.
std::string digest_of_one(postoffice::Reader& reader, const MessageHeader& message) {
  std::string digest = "from=" + message.from.str() + "|" + message.from.name;
  add(digest, "to", message.to);
  add(digest, "cc", message.cc);
  digest += " subject=" + message.subject + " priority=" + message.priority;
  for (const postoffice::ExtendedField& field : message.fields) {
    if (!differs_rightly(field.name)) digest += " " + field.name + "=" + field.value;
  }
  std::vector<std::string> sections;
  std::array<char, 65536> buffer{};
  // The first section, the text, is open already.
  for (bool more = true; more;) {
    std::string& section = sections.emplace_back();
    for (;;) {
      auto count = reader.read(buffer);
      if (!count) return damaged(count.error().str());
      if (*count == 0) break;
      section.append(buffer.data(), *count);
    }
    auto next = reader.next_section();
    if (!next) return damaged(next.error().str());
    more = *next;
  }
  digest += " text=" + without_trace(sections.front());
  for (std::size_t i = 1; i < sections.size() && i <= message.attachments.size(); ++i) {
    const postoffice::Attachment& attachment = message.attachments[i - 1];
    digest += " attachment=" + attachment.name + "|" + attachment.content_type + "|" +
              std::to_string(sections[i].size()) + "|" +
              postoffice::derived_key(without_random_parts(sections[i]));
  }
  return without_random_parts(digest);
}

}  // namespace

std::string without_trace(std::string_view text) {
  std::string result;
  bool is_trace = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1);
    const std::string_view line = text.substr(at, end - at + 1);
    at = end + 1;
    const bool is_folded = line.starts_with(" ") || line.starts_with("\t");
    is_trace = line.starts_with("Received:") || (is_trace && is_folded);
    if (!is_trace) result += line;
  }
  return result;
}

std::string without_random_parts(std::string_view text) {
  constexpr std::size_t shortest = 16;
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && std::isxdigit(static_cast<unsigned char>(text[end])) != 0 &&
           std::isupper(static_cast<unsigned char>(text[end])) == 0) {
      ++end;
    }
    if (end - at >= shortest) {
      result += '#';
    } else {
      end = std::max(end, at + 1);
      result.append(text.substr(at, end - at));
    }
    at = end;
  }
  return result;
}

std::vector<std::string> digests_of(std::string_view octets) {
  postoffice::MemorySource source(octets);
  postoffice::Reader reader(source);
  std::vector<std::string> result;
  for (;;) {
    auto header = reader.next();
    if (header && !*header) return result;
    if (!header) {
      result.push_back(damaged(header.error().str()));
      return result;
    }
    const MessageHeader message = **header;
    result.push_back(digest_of_one(reader, message));
    if (result.back().starts_with(damaged_mark)) return result;
  }
}

std::string digest_of(std::string_view octets) {
  std::vector<std::string> all = digests_of(octets);
  if (all.empty()) return damaged(std::to_string(octets.size()) + " octets, no message");
  if (all.size() > 1) return damaged("something after the message");
  return std::move(all.front());
}

}  // namespace smtpgate::crash
