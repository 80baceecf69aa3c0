// STATE.json of a message in SMTP/ (docs/outgoing.md): written one recipient a line, so that people
// can read it, and read strictly as a stream, so that no file costs more memory than it has octets.
#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/outgoing.h"
#include "postoffice/outgoing_folder.h"
#include "postoffice/printable.h"
#include "postoffice/put.h"
#include "postoffice/utf8.h"

namespace smtpgate::postoffice {

namespace {

using Json = nlohmann::json;

constexpr std::int64_t known_version = 1;
/// Octets of a remote answer that are kept: more than RFC 5321 lets one line of it have.
constexpr std::size_t longest_reason = 2000;
constexpr std::int64_t last_moment = 253'402'300'799;  // the end of the year 9999
constexpr std::int64_t most_attempts = 1'000'000'000;

std::string json_string(std::string_view text, std::size_t limit = std::string_view::npos) {
  std::string whole = repair_utf8(text);
  if (whole.size() > limit) {
    whole.resize(limit);
    whole.resize(valid_utf8_prefix(whole));
  }
  return Json(std::move(whole)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<RecipientState> parse_state_name(std::string_view name) {
  for (const auto state : {RecipientState::waiting, RecipientState::sent, RecipientState::failed}) {
    if (name == state_name(state)) return state;
  }
  return std::nullopt;
}

/// Takes the events of the parser; the first thing that is wrong ends it.
class StateReader : public nlohmann::json_sax<Json> {
 public:
  const std::string& problem() const { return problem_; }
  OutgoingState take() { return std::move(state_); }

  bool null() override {
    if (place_ == Place::top && key_ == "sender") return true;
    return wrong_kind();
  }
  bool boolean(bool value) override {
    if (place_ == Place::recipient && key_ == "reported") {
      return set(state_.recipients.back().reported, value);
    }
    if (place_ != Place::top) return wrong_kind();
    if (key_ == "held") return set(state_.held, value);
    if (key_ == "maybe_sent") return set(state_.maybe_sent, value);
    return wrong_kind();
  }
  bool number_integer(number_integer_t value) override { return integer(value); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(last_moment)) return wrong_kind();
    return integer(static_cast<std::int64_t>(value));
  }
  bool number_float(number_float_t, const string_t&) override { return wrong_kind(); }
  bool binary(binary_t&) override { return wrong_kind(); }
  bool string(string_t& value) override {
    if (place_ == Place::top) return top_string(value);
    if (place_ == Place::recipient) return recipient_string(value);
    return wrong_kind();
  }
  bool start_object(std::size_t) override {
    if (place_ == Place::before) return enter(Place::top);
    if (place_ != Place::recipients) return wrong_kind();
    if (state_.recipients.size() >= most_outgoing_recipients) {
      return fail(fmt::format("more than {} recipients", most_outgoing_recipients));
    }
    state_.recipients.emplace_back();
    recipient_keys_.clear();
    return enter(Place::recipient);
  }
  bool key(string_t& name) override {
    auto& seen = place_ == Place::top ? top_keys_ : recipient_keys_;
    const std::span<const std::string_view> known =
        place_ == Place::top ? std::span<const std::string_view>(known_top_keys)
                             : std::span<const std::string_view>(known_recipient_keys);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return fail("the key \"" + printable(name, 80) + "\" is of a newer smtpgate, or of none");
    }
    if (!seen.insert(name).second) return fail("the key \"" + name + "\" stands there twice");
    key_ = name;
    return true;
  }
  bool end_object() override {
    if (place_ == Place::recipient) {
      if (!recipient_keys_.contains("address")) return fail("a recipient without an address");
      return enter(Place::recipients);
    }
    for (const std::string_view needed : {"version", "id", "created", "recipients"}) {
      if (!top_keys_.contains(needed)) return fail(fmt::format("\"{}\" is missing", needed));
    }
    return enter(Place::after);
  }
  bool start_array(std::size_t) override {
    if (place_ != Place::top || key_ != "recipients") return wrong_kind();
    return enter(Place::recipients);
  }
  bool end_array() override { return enter(Place::top); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return fail(fmt::format("no JSON at octet {}", position));
  }

 private:
  enum class Place { before, top, recipients, recipient, after };
  using Keys = std::set<std::string, std::less<>>;

  static constexpr std::string_view known_top_keys[] = {
      "version", "id",         "mailbox", "created", "next_attempt", "attempts",
      "held",    "maybe_sent", "sender",  "reason",  "key",          "recipients"};
  static constexpr std::string_view known_recipient_keys[] = {
      "address", "name", "state", "status", "reason", "queue_id", "reported"};

  bool fail(std::string what) {
    problem_ = std::move(what);
    return false;
  }
  bool wrong_kind() {
    if (key_.empty()) return fail("it is no object with the keys of a STATE.json");
    return fail("the value of \"" + key_ + "\" cannot be");
  }
  bool enter(Place place) {
    place_ = place;
    return true;
  }
  template <typename T>
  static bool set(T& target, T value) {
    target = std::move(value);
    return true;
  }

  bool integer(std::int64_t value) {
    if (place_ != Place::top || value < 0) return wrong_kind();
    if (key_ == "version") {
      if (value == known_version) return true;
      return fail(fmt::format("version {} is not known here; use a newer smtpgate", value));
    }
    if (key_ == "created") return set(state_.created, value);
    if (key_ == "next_attempt") return set(state_.next_attempt, value);
    if (key_ != "attempts" || value > most_attempts) return wrong_kind();
    state_.attempts = static_cast<unsigned>(value);
    return true;
  }
  bool top_string(std::string& value) {
    if (key_ == "id") {
      if (!is_outgoing_id(value)) return wrong_kind();
      return set(state_.id, value);
    }
    if (key_ == "mailbox") {
      if (!value.empty() && why_bad_mailbox_name(value)) return wrong_kind();
      return set(state_.mailbox, value);
    }
    if (key_ == "key") {
      if (!is_content_key(value)) return wrong_kind();
      return set(state_.key, value);
    }
    if (key_ == "sender") {
      state_.sender = value;
      return true;
    }
    if (key_ == "reason") return set(state_.reason, value);
    return wrong_kind();
  }
  bool recipient_string(std::string& value) {
    OutgoingRecipient& recipient = state_.recipients.back();
    if (key_ == "address") {
      std::string name = std::move(recipient.address.name);
      recipient.address = TypedAddress::parse(value);
      recipient.address.name = std::move(name);
      return recipient.address.address.empty() ? wrong_kind() : true;
    }
    if (key_ == "name") return set(recipient.address.name, value);
    if (key_ == "status") return set(recipient.status, value);
    if (key_ == "reason") return set(recipient.reason, value);
    if (key_ == "queue_id") return set(recipient.queue_id, value);
    const auto state = parse_state_name(value);
    if (!state) return wrong_kind();
    recipient.state = *state;
    return true;
  }

  Place place_ = Place::before;
  std::string key_;
  Keys top_keys_;
  Keys recipient_keys_;
  OutgoingState state_;
  std::string problem_;
};

}  // namespace

std::string_view state_name(RecipientState state) {
  switch (state) {
    case RecipientState::waiting:
      return "waiting";
    case RecipientState::sent:
      return "sent";
    case RecipientState::failed:
      return "failed";
  }
  return "waiting";
}

bool OutgoingState::is_done() const {
  return std::none_of(recipients.begin(), recipients.end(), [](const OutgoingRecipient& one) {
    return one.state == RecipientState::waiting;
  });
}

std::string render_outgoing_state(const OutgoingState& state) {
  std::string text = fmt::format("{{\"version\": {}, \"id\": {}, \"mailbox\": {},\n", known_version,
                                 json_string(state.id), json_string(state.mailbox));
  text += fmt::format(" \"created\": {}, \"next_attempt\": {}, \"attempts\": {},\n", state.created,
                      state.next_attempt, state.attempts);
  text += fmt::format(" \"held\": {}, \"maybe_sent\": {}, \"sender\": {},\n", state.held,
                      state.maybe_sent, state.sender ? json_string(*state.sender) : "null");
  if (!state.key.empty()) text += fmt::format(" \"key\": {},\n", json_string(state.key));
  text += fmt::format(" \"reason\": {},\n \"recipients\": [",
                      json_string(state.reason, longest_reason));
  std::string_view separator = "\n";
  for (const OutgoingRecipient& recipient : state.recipients) {
    text += fmt::format(
        "{}  {{\"address\": {}, \"name\": {}, \"state\": \"{}\", \"status\": {}, \"reason\": {}, "
        "\"queue_id\": {}{}}}",
        separator, json_string(recipient.address.str()), json_string(recipient.address.name),
        state_name(recipient.state), json_string(recipient.status),
        json_string(recipient.reason, longest_reason), json_string(recipient.queue_id),
        recipient.reported ? ", \"reported\": true" : "");
    separator = ",\n";
  }
  return text + "]}\n";
}

Expected<OutgoingState> parse_outgoing_state(std::string_view json, const std::string& path) {
  StateReader reader;
  const bool is_good = Json::sax_parse(json.begin(), json.end(), &reader);
  if (is_good) return reader.take();
  return failure(Outcome::temporary(
      path + " is no state of an outgoing message: " + reader.problem() +
          "; `postoffice queue delete` removes the message, or mend the file by hand",
      "4.3.0"));
}

}  // namespace smtpgate::postoffice
