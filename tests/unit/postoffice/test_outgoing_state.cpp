// STATE.json: what is written is read back; what is not of it is refused in one sentence.
#include <nlohmann/json.hpp>

#include "postoffice/outgoing.h"
#include "unit/catch.h"

namespace smtpgate::postoffice {
namespace {

const std::string id(32, '1');

OutgoingState full_state() {
  OutgoingState state;
  state.id = id;
  state.mailbox = "\xC3\xA4nne";
  state.created = 1'795'300'000;
  state.next_attempt = 1'795'300'600;
  state.attempts = 7;
  state.held = true;
  state.maybe_sent = true;
  state.sender = "";
  state.reason = "line\r\n\"quoted\" \\ \x01";
  state.key = std::string(64, 'c');
  state.recipients = {
      {TypedAddress::internet("bob@example.com",
                              "B\xC3\xB6"
                              "b"),
       RecipientState::waiting, "4.4.1", "no answer", ""},
      {TypedAddress::parse("CSI:NET/PO/BOX"), RecipientState::sent, "2.0.0", "250 ok", "4XYZ"},
      {TypedAddress::parse("SMTP:a:b@example.com"), RecipientState::failed, "5.1.1", "550", ""}};
  return state;
}

std::string problem_of(const std::string& json) {
  const auto parsed = parse_outgoing_state(json, "S");
  if (parsed) return "none";
  CHECK(parsed.error().is_temporary());
  CHECK(parsed.error().sentence().starts_with("S is no state of an outgoing message: "));
  return parsed.error().sentence().substr(parsed.error().sentence().find(": ") + 2);
}

std::string with(const std::string& members) {
  return "{\"version\": 1, \"id\": \"" + id + "\", \"created\": 5, \"recipients\": []" + members +
         "}";
}

TEST_CASE("a state is what was written") {
  const OutgoingState state = full_state();
  const std::string json = render_outgoing_state(state);
  CHECK(nlohmann::json::accept(json));
  CHECK(json.find("\n  {\"address\": \"SMTP:bob@example.com\"") != std::string::npos);
  const auto parsed = parse_outgoing_state(json, "S");
  REQUIRE(parsed.has_value());
  CHECK(parsed->id == state.id);
  CHECK(parsed->mailbox == state.mailbox);
  CHECK(parsed->created == state.created);
  CHECK(parsed->next_attempt == state.next_attempt);
  CHECK(parsed->attempts == 7);
  CHECK(parsed->held);
  CHECK(parsed->maybe_sent);
  CHECK(parsed->sender == "");
  CHECK(parsed->reason == state.reason);
  CHECK(parsed->key == state.key);
  REQUIRE(parsed->recipients.size() == 3);
  CHECK(parsed->recipients[0].address.name ==
        "B\xC3\xB6"
        "b");
  CHECK(parsed->recipients[0].reason == "no answer");
  CHECK(parsed->recipients[1].address.str() == "CSI:NET/PO/BOX");
  CHECK(parsed->recipients[1].queue_id == "4XYZ");
  CHECK(parsed->recipients[2].address.str() == "SMTP:a:b@example.com");
  CHECK(parsed->recipients[2].state == RecipientState::failed);
  CHECK_FALSE(parsed->is_done());
  CHECK(render_outgoing_state(*parsed) == json);
}

TEST_CASE("a sender that the converter makes is null, and the least state is enough") {
  OutgoingState state = full_state();
  state.sender.reset();
  CHECK_FALSE(parse_outgoing_state(render_outgoing_state(state), "S")->sender.has_value());
  const auto least = parse_outgoing_state(with(""), "S");
  REQUIRE(least.has_value());
  CHECK(least->is_done());
  CHECK(least->next_attempt == 0);
}

TEST_CASE("a remote answer is bounded, and hostile octets in it stay text") {
  OutgoingState state = full_state();
  state.recipients[0].reason = std::string(1999, 'x') + "\xC3\xA4" + std::string(100'000, 'y');
  state.recipients[1].reason = "\xFF\xFE\"}]}";
  const auto parsed = parse_outgoing_state(render_outgoing_state(state), "S");
  REQUIRE(parsed.has_value());
  CHECK(parsed->recipients[0].reason == std::string(1999, 'x'));
  CHECK(parsed->recipients[1].reason == "\xEF\xBF\xBD\xEF\xBF\xBD\"}]}");
}

TEST_CASE("what is no state is refused and said") {
  CHECK(problem_of("").starts_with("no JSON at octet"));
  CHECK(problem_of("[]").starts_with("it is no object"));
  CHECK(problem_of("7").starts_with("it is no object"));
  CHECK(problem_of("{}").starts_with("\"version\" is missing"));
  CHECK(problem_of(with("") + "x").starts_with("no JSON at octet"));
  CHECK(problem_of(with("").substr(0, 40)).starts_with("no JSON at octet"));
  CHECK(problem_of("{\"version\": 2}").starts_with("version 2 is not known"));
  CHECK(problem_of(with(", \"colour\": 1")).find("newer smtpgate") != std::string::npos);
  CHECK(problem_of(with(", \"created\": 6")).find("twice") != std::string::npos);
  CHECK(problem_of(with(", \"held\": 1")).starts_with("the value of \"held\" cannot be"));
  CHECK(problem_of(with(", \"attempts\": -1")).starts_with("the value of"));
  CHECK(problem_of(with(", \"attempts\": 1.5")).starts_with("the value of"));
  CHECK(problem_of(with(", \"attempts\": 18446744073709551615")).starts_with("the value of"));
  CHECK(problem_of(with(", \"attempts\": 1e999")).starts_with("no JSON"));
  CHECK(problem_of(with(", \"next_attempt\": 253402300800")).starts_with("the value of"));
  CHECK(problem_of(with(", \"mailbox\": \"../x\"")).starts_with("the value of"));
  CHECK(problem_of(with(", \"mailbox\": null")).starts_with("the value of"));
  CHECK(problem_of(with(", \"key\": \"../../x\"")).starts_with("the value of"));
  CHECK(problem_of(with(", \"reason\": {}")).starts_with("the value of"));
  CHECK(problem_of(with(", \"reason\": []")).starts_with("the value of"));
  CHECK(problem_of(with(", \"reason\": \"\xFF\"")).starts_with("no JSON"));
  const auto recipient = [](const std::string& members) {
    return "{\"version\": 1, \"id\": \"" + id + "\", \"created\": 5, \"recipients\": [{" + members +
           "}]}";
  };
  CHECK(problem_of(recipient("\"address\": \"SMTP:a@b\"")) == "none");
  CHECK(problem_of(recipient("")).starts_with("a recipient without an address"));
  CHECK(problem_of(recipient("\"address\": \"SMTP:\"")).starts_with("the value of"));
  CHECK(problem_of(recipient("\"address\": \"a\", \"state\": \"lost\"")).starts_with("the value"));
  CHECK(problem_of(recipient("\"address\": \"a\", \"held\": true")).find("newer") !=
        std::string::npos);
  CHECK(problem_of(recipient("\"address\": [\"a\"]")).starts_with("the value of"));
  CHECK(
      problem_of("{\"version\": 1, \"id\": \"../../../etc/passwd/../../../../x\", \"created\": 5}")
          .starts_with("the value of \"id\""));
}

TEST_CASE("deep nesting and very many recipients end where they begin") {
  CHECK(problem_of(std::string(1'000'000, '[')).starts_with("it is no object"));
  std::string nested;
  for (int i = 0; i < 100'000; ++i) nested += "{\"reason\":";
  CHECK(problem_of(nested).starts_with("the value of"));
  std::string many = "{\"version\": 1, \"id\": \"" + id + "\", \"created\": 5, \"recipients\": [";
  for (std::size_t i = 0; i <= most_outgoing_recipients; ++i) many += "{\"address\":\"a\"},";
  many.back() = ']';
  CHECK(problem_of(many + "}").starts_with("more than 100000 recipients"));
}

}  // namespace
}  // namespace smtpgate::postoffice
