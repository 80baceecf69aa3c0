// Records as JSON lines: see the header.
#include "milter/message_record.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "milter/metric_definitions.h"
#include "postoffice/printable.h"

namespace smtpgate::milter {

using Json = nlohmann::ordered_json;

namespace {

constexpr std::size_t longest_address = 320;  // RFC 5321, 4.5.3.1: 64 + 1 + 255
constexpr std::size_t longest_sentence = 300;
constexpr std::size_t longest_mark = 100;
constexpr std::size_t most_attachments = 100;
constexpr std::size_t most_marks = 50;
/// Of all recipients in the line; what else is in it has bounds that leave the rest of 64 KiB.
constexpr std::size_t longest_recipients = 40 * 1024;

constexpr std::array<std::string_view, stage_count> stage_names = {
    "receive", "convert", "put", "sync", "reply", "wait", "connect", "send"};

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Microseconds are enough, and keep the line short.
double rounded(double seconds) {
  return std::round(seconds * 1e6) / 1e6;
}

Json recipient_json(const RecipientRecord& one) {
  return {{"to", printable(one.address, longest_address)},
          {"destination", printable(one.destination, longest_address)},
          {"result", one.result},
          {"dsn", printable(one.status, 20)},
          {"text", printable(one.sentence, longest_sentence)}};
}

void add_recipients(const MessageRecord& record, Json& line) {
  Json recipients = Json::array();
  std::size_t octets = 0;
  for (const RecipientRecord& one : record.recipients) {
    Json json = recipient_json(one);
    octets += dump(json).size() + 1;
    if (octets > longest_recipients) break;
    recipients.push_back(std::move(json));
  }
  line["recipients_total"] = record.recipients.size();
  line["recipients"] = std::move(recipients);
}

template <typename Map>
Json counts_json(const Map& counts) {
  Json result = Json::object();
  for (const auto& [name, count] : counts) result[name] = count;
  return result;
}

std::map<std::string, std::uint64_t, std::less<>> read_counts(const Json& json) {
  std::map<std::string, std::uint64_t, std::less<>> result;
  for (const auto& [name, count] : json.items()) result[name] = count.get<std::uint64_t>();
  return result;
}

RecipientRecord read_recipient(const Json& json) {
  return {json.at("to").get<std::string>(), json.at("destination").get<std::string>(),
          json.at("result").get<std::string>(), json.at("dsn").get<std::string>(),
          json.at("text").get<std::string>()};
}

ReadRecord read(const Json& json) {
  ReadRecord result;
  MessageRecord& record = result.record;
  const auto way = json.at("way").get<std::string>();
  record.way = way == "1" ? Way::door_1 : way == "2" ? Way::door_2 : Way::out;
  record.ended = json.at("time_ms").get<std::int64_t>();
  record.id = json.at("id").get<std::string>();
  record.sender = json.at("from").get<std::string>();
  record.client = json.at("client").get<std::string>();
  record.octets = json.at("octets").get<std::uint64_t>();
  record.content_key = json.at("content_key").get<std::string>();
  record.text_octets = json.at("text_octets").get<std::uint64_t>();
  record.attachments = json.at("attachments").get<std::vector<std::uint64_t>>();
  record.odd = json.at("odd").get<std::vector<std::string>>();
  record.result = json.at("result").get<std::string>();
  for (std::size_t i = 0; i < stage_count; ++i) {
    const auto found = json.at("seconds").find(stage_names[i]);
    if (found != json.at("seconds").end()) record.seconds[i] = found->get<double>();
  }
  for (const Json& one : json.at("recipients")) record.recipients.push_back(read_recipient(one));
  result.counts = {record.way, read_counts(json.at("results")), read_counts(json.at("marks")),
                   json.at("attachments_total").get<std::uint64_t>()};
  return result;
}

}  // namespace

std::string_view way_name(Way way) {
  return way == Way::door_1 ? "1" : way == Way::door_2 ? "2" : "out";
}

std::string_view stage_name(Stage stage) {
  return stage_names[static_cast<std::size_t>(stage)];
}

double MessageRecord::delivery_seconds() const {
  double sum = 0;
  const auto stages = way == Way::out
                          ? std::vector{Stage::connect, Stage::send}
                          : std::vector{Stage::convert, Stage::put, Stage::sync, Stage::reply};
  for (const Stage stage : stages) sum += of(stage).value_or(0);
  return sum;
}

std::string_view delivery_result(Way door, const Outcome& outcome) {
  if (outcome.is_delivered()) {
    // Delivery::file_into() promises these words.
    return outcome.sentence().starts_with("duplicate of ") ? "duplicate" : "filed";
  }
  if (door == Way::door_1) return "left";
  const std::string& status = outcome.status();
  if (status == "4.2.2" || status == "5.2.2" || status == "5.2.3") return "over_quota";
  return outcome.is_permanent() ? "permanent" : "temporary";
}

std::string_view sending_result(const Outcome& outcome) {
  if (outcome.is_delivered()) return "sent";
  return outcome.is_permanent() ? "failed" : "deferred";
}

RecordCounts counts_of(const MessageRecord& record) {
  RecordCounts counts;
  counts.way = record.way;
  for (const RecipientRecord& one : record.recipients) ++counts.results[one.result];
  for (const std::string& mark : record.odd) ++counts.marks[std::string(odd_mark_label(mark))];
  counts.attachments = record.attachments.size();
  return counts;
}

std::string render_record(const MessageRecord& record) {
  const RecordCounts counts = counts_of(record);
  Json line;
  line["time_ms"] = record.ended;
  line["way"] = way_name(record.way);
  line["id"] = printable(record.id, longest_address);
  line["from"] = printable(record.sender, longest_address);
  line["client"] = printable(record.client, longest_address);
  line["octets"] = record.octets;
  line["content_key"] = printable(record.content_key, 64);
  line["text_octets"] = record.text_octets;
  line["attachments_total"] = record.attachments.size();
  const auto few = [](const auto& all, std::size_t most) {
    return std::pair(all.begin(),
                     all.begin() + static_cast<std::ptrdiff_t>(std::min(most, all.size())));
  };
  const auto [first, last] = few(record.attachments, most_attachments);
  line["attachments"] = std::vector<std::uint64_t>(first, last);
  line["odd"] = Json::array();
  const auto [first_mark, last_mark] = few(record.odd, most_marks);
  for (auto mark = first_mark; mark != last_mark; ++mark) {
    line["odd"].push_back(printable(*mark, longest_mark));
  }
  line["marks"] = counts_json(counts.marks);
  line["seconds"] = Json::object();
  for (std::size_t i = 0; i < stage_count; ++i) {
    if (record.seconds[i])
      line["seconds"][std::string(stage_names[i])] = rounded(*record.seconds[i]);
  }
  line["result"] = record.result;
  line["results"] = counts_json(counts.results);
  add_recipients(record, line);
  return dump(line);
}

std::optional<ReadRecord> parse_record(std::string_view line) {
  try {
    return read(Json::parse(line));
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::int64_t milliseconds_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace smtpgate::milter
