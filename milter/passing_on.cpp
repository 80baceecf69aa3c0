// Passing on octet by octet: see the header. Two lines are put on top: Delivered-To, by which a
// loop is seen, and our Received. Return-Path is not: whoever delivers last writes it.
#include "milter/passing_on.h"

#include <array>
#include <utility>

#include "converter/header_field.h"
#include "converter/mime_parser.h"
#include "converter/outbound.h"
#include "postoffice/ascii.h"
#include "postoffice/derived_key.h"
#include "postoffice/outgoing.h"

namespace smtpgate::milter {

using converter::EntityStart;
using postoffice::OutgoingContent;
using postoffice::OutgoingDraft;
using postoffice::OutgoingRecipient;
using postoffice::OutgoingState;

namespace {

constexpr std::size_t read_piece = std::size_t{64} << 10;

/// Takes the header of the message itself and nothing else.
class TopHeader : public converter::EntityHandler {
 public:
  explicit TopHeader(std::string_view address) : address_(address) {}

  void begin_entity(const EntityStart& entity) override {
    if (entity.depth != 0) return;
    done_ = true;
    for (const converter::HeaderField* field : entity.header.find_all("Delivered-To")) {
      found_ = found_ || equals_ignoring_case(converter::unfold(field->value), address_);
    }
  }
  void body(std::string_view) override {}
  void between(std::string_view, bool) override {}
  void end_entity(bool) override {}
  bool wants_raw(unsigned) override { return false; }
  void raw(std::string_view) override {}

  bool done() const { return done_; }
  bool found() const { return found_; }

 private:
  std::string_view address_;
  bool done_ = false;
  bool found_ = false;
};

Expected<bool> has_been_at(const PassingOn& message, std::string_view address) {
  TopHeader header(address);
  converter::MimeParser parser(header, message.settings.limits);
  auto read = message.raw.content().for_each_piece(read_piece, [&](std::string_view piece) {
    parser.feed(piece);
    return !header.done();
  });
  if (!read) return failure(read.error().outcome());
  if (!header.done()) parser.finish();
  return header.found();
}

/// One hand-over for each message and each address that passes it on.
std::string key_of(std::string_view content_key, std::string_view address) {
  return postoffice::derived_key("passed on\n" + std::string(content_key) + "\n" +
                                 std::string(address));
}

std::string received_line(const PassingOn& message) {
  const std::string trace = converter::render_trace(message.envelope, message.settings);
  return trace.substr(trace.find("Received:"));
}

}  // namespace

Outcome pass_on(const PassingOn& message,
                const std::vector<postoffice::BeyondRecipient>& recipients) {
  const postoffice::PostofficeName& here = message.postoffice.settings().name;
  const postoffice::BeyondRecipient& first = recipients.front();
  const auto via = converter::delivery_address({here, first.via}, message.map);
  if (!via) return Outcome::temporary(via.error().sentence(), "4.3.5");
  const auto been_there = has_been_at(message, *via);
  if (!been_there) return been_there.error();
  if (*been_there) {
    return Outcome::permanent("mail loop: the message has been at " + *via + " already", "5.4.6");
  }

  OutgoingState state;
  state.mailbox = first.owner;
  state.created = message.envelope.arrival;
  // A report must never lead to another: what comes from <> goes on from <>.
  state.sender = "";
  if (!message.envelope.sender.empty()) {
    // Never a shared domain: what comes back must not come to another's mailbox of the name.
    auto owner = converter::delivery_address({here, first.owner}, message.map);
    if (!owner) return Outcome::temporary(owner.error().sentence(), "4.3.5");
    state.sender = std::move(*owner);
  }
  for (const postoffice::BeyondRecipient& recipient : recipients) {
    OutgoingRecipient outgoing;
    outgoing.address = recipient.address;
    state.recipients.push_back(std::move(outgoing));
  }
  auto draft = OutgoingDraft::begin(message.postoffice, OutgoingContent::internet);
  if (!draft) return draft.error();
  postoffice::File& file = draft->content();
  const std::string top = "Delivered-To: " + *via + "\r\n" + received_line(message);
  if (auto written = file.write(top); !written) return written.error().outcome();
  if (auto copied = message.raw.content().copy_to(file); !copied) return copied.error().outcome();
  return draft->hand_over(std::move(state), key_of(message.content_key, *via));
}

}  // namespace smtpgate::milter
