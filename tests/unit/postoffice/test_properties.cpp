// What is written is what is read, whatever it is: values and whole files of MMFF, and the payload
// by which two sites exchange them.
#include <filesystem>
#include <string>

#include "postoffice/character_set.h"
#include "postoffice/encapsulated.h"
#include "unit/postoffice/mmff_test_support.h"
#include "unit/property.h"

using namespace smtpgate::postoffice;
using namespace smtpgate::postoffice::mmff_test;
using namespace smtpgate::test;

namespace {

/// What the format can hold in a value: anything.
rc::Gen<std::string> value() {
  return rc::gen::oneOf(octets(), printable_text(),
                        joined_from({"^", "0", "D", "5", "E", "^0D", "^5E", "^0d", "\r", "\n",
                                     "TEXT:0", "VERSION:3.00", ":", " ", "\t", "\x7F"}));
}

/// Blanks at the ends of an address are no part of it.
rc::Gen<std::string> word() {
  return rc::gen::nonEmpty(joined_from({"a", "B", "7", "^0D", "^", "@", ".", "\xC3\xBC", "\r"}));
}

std::vector<TypedAddress> addresses(std::size_t least) {
  std::vector<TypedAddress> result;
  const auto count = *rc::gen::inRange<std::size_t>(least, 4);
  while (result.size() < count) result.push_back(TypedAddress::internet(*word(), *word()));
  return result;
}

}  // namespace

TEST_CASE("an escaped value is one line and comes back, whatever it is", "[property]") {
  check_property(500, 100, [] {
    const std::string wanted = *value();
    const std::string escaped = escape_value(wanted);
    RC_ASSERT(unescape_value(escaped) == wanted);
    RC_ASSERT(escaped.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  });
}

TEST_CASE("a file of any messages says what was written", "[property]") {
  check_property(150, 60, [] {
    std::vector<ReadMessage> wanted(*rc::gen::inRange<std::size_t>(1, 4));
    for (ReadMessage& message : wanted) {
      MessageHeader& header = message.header;
      header.from = addresses(1).front();
      header.to = addresses(1);
      header.cc = addresses(0);
      header.subject = *value();
      header.attachments.resize(*rc::gen::inRange<std::size_t>(0, 4));
      message.sections.push_back(*octets());
      header.text_size = message.sections.front().size();
      for (Attachment& attachment : header.attachments) {
        attachment.name = *word();
        attachment.original_name = *value();
        attachment.content_type = *value();
        message.sections.push_back(*octets());
        attachment.size = message.sections.back().size();
      }
      header.add_field(ext::trace, *value());
      header.add_field(ext::odd, *value());
    }
    const LineEnd line_end = *rc::gen::elementOf(
        std::vector<LineEnd>(std::begin(all_line_ends), std::end(all_line_ends)));
    const auto found = read_all(write_all(wanted, line_end));
    RC_ASSERT(found.has_value());
    RC_ASSERT(found->size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const MessageHeader& in = wanted[i].header;
      const MessageHeader& out = (*found)[i].header;
      RC_ASSERT((*found)[i].sections == wanted[i].sections);
      RC_ASSERT(out.subject == in.subject);
      RC_ASSERT(out.field(ext::trace) == in.field(ext::trace));
      RC_ASSERT(out.field(ext::odd) == in.field(ext::odd));
      const auto same = [](const std::vector<TypedAddress>& a, const std::vector<TypedAddress>& b) {
        RC_ASSERT(a.size() == b.size());
        for (std::size_t k = 0; k < a.size(); ++k) {
          RC_ASSERT(a[k].str() == b[k].str());
          RC_ASSERT(a[k].name == b[k].name);
        }
      };
      same({out.from}, {in.from});
      same(out.to, in.to);
      same(out.cc, in.cc);
      for (std::size_t k = 0; k < in.attachments.size(); ++k) {
        RC_ASSERT(out.attachments[k].name == in.attachments[k].name);
        RC_ASSERT(out.attachments[k].original_name == in.attachments[k].original_name);
        RC_ASSERT(out.attachments[k].content_type == in.attachments[k].content_type);
      }
    }
  });
}

TEST_CASE("a payload of any message says what was put into it", "[property]") {
  const EncapsulationKey key = *parse_encapsulation_key(std::string(64, '5'));
  const std::string directory = std::filesystem::temp_directory_path().string();
  const auto file_with = [&](const std::string& octets) {
    auto file = FileSystem::posix().create_unnamed(directory);
    RC_ASSERT(file.has_value());
    RC_ASSERT((*file)->write(octets).has_value());
    return std::move(*file);
  };
  const auto mailbox =
      rc::gen::map(joined_from({"a", "^0D", "^", "\xC3\xBC", "7", "-"}),
                   [](const std::string& text) { return "m" + text.substr(0, 60) + "x"; });
  check_property(100, 30, [&] {
    EncapsulatedHeader wanted;
    wanted.id =
        *rc::gen::container<std::string>(32, rc::gen::elementOf(std::string("0123456789abcdef")));
    wanted.created = *rc::gen::inRange<std::int64_t>(0, 4'000'000'000);
    wanted.character_set = *rc::gen::element<std::string>("UTF-8", "CP437");
    const auto address = [&] {
      std::string box = *mailbox;
      while (!is_utf8(box)) box.pop_back();
      return NativeAddress{{"NET", "PO"}, box};
    };
    wanted.from = address();
    const int recipients = *rc::gen::inRange(1, 5);
    for (int i = 0; i < recipients; ++i) wanted.to.push_back(address());
    const std::string content = *octets();

    auto source = file_with(content);
    const auto head = encapsulation_head(wanted, *source, key);
    RC_ASSERT(head.has_value());
    const std::string payload = *head + content;
    auto written = file_with(payload);
    const auto found = open_encapsulated({written.get(), 0, payload.size()}, key);
    RC_ASSERT(found.has_value());
    RC_ASSERT(found->header.id == wanted.id);
    RC_ASSERT(found->header.created == wanted.created);
    RC_ASSERT(found->header.character_set == wanted.character_set);
    RC_ASSERT(found->header.from.str() == wanted.from.str());
    RC_ASSERT(found->header.to.size() == wanted.to.size());
    for (std::size_t i = 0; i < wanted.to.size(); ++i) {
      RC_ASSERT(found->header.to[i].str() == wanted.to[i].str());
    }
    RC_ASSERT(payload.substr(found->content.offset, found->content.size) == content);

    // And one bit of it changed is somebody else's.
    std::string changed = payload;
    const auto bit = *rc::gen::inRange<std::size_t>(0, payload.size() * 8);
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    auto forged = file_with(changed);
    RC_ASSERT(!open_encapsulated({forged.get(), 0, changed.size()}, key).has_value());
  });
}
