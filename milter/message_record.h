// What happened to one message on its way in, or in one try of its way out: every stage with its
// time, sizes, odd marks, and the outcome for each recipient, under the id that all log lines of
// the message carry. The one source of the metrics, of the page's "just now", of the JSON records
// (docs/monitoring.md, "Records") and of what door 2's processes tell the daemon (tally.h).
//
// Not for deciding anything: it is filled while things happen and read afterwards.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/outcome.h"

namespace smtpgate::milter {

enum class Way { door_1, door_2, out };
std::string_view way_name(Way way);  ///< "1", "2", "out"

/// Of the way in: the first five, of the way out the others.
enum class Stage {
  receive,  ///< MAIL to the end of the data
  convert,  ///< Internet mail to the postoffice's own form
  put,      ///< TO_NC.API written, and filed in each mailbag
  sync,     ///< the file's own sync, before it is filed
  reply,    ///< the recipients deleted from Postfix's envelope, or the replies written
  wait,     ///< in SMTP/, since it was handed over
  connect,  ///< until the designated host's greeting
  send,     ///< MAIL to the last reply
};
inline constexpr std::size_t stage_count = 8;
std::string_view stage_name(Stage stage);

struct RecipientRecord {
  std::string address;      ///< as the envelope has it, without brackets
  std::string destination;  ///< NET/PO/BOX, or the host that took it
  std::string result;       ///< the label of the metric: "filed", "left", "sent", ...
  std::string status;       ///< enhanced status code
  std::string sentence;
};

struct MessageRecord {
  Way way = Way::door_1;
  std::int64_t ended = 0;  ///< milliseconds since 1970
  std::string id;          ///< Postfix's queue id; of the way out our own
  std::string sender;      ///< empty for <>
  std::string client;      ///< address of Postfix's client; empty if it is not known
  std::uint64_t octets = 0;
  std::string content_key;                 ///< the name of the file in mailbags
  std::uint64_t text_octets = 0;           ///< of its text
  std::vector<std::uint64_t> attachments;  ///< octets of each
  std::vector<std::string> odd;            ///< marks, as in the file
  std::array<std::optional<double>, stage_count> seconds;
  std::vector<RecipientRecord> recipients;
  /// Of a try of the way out: "gone", "later", "host_down". Empty for a recipient of an outbox's
  /// file that needs no try.
  std::string result;

  void set(Stage stage, double value) { seconds[static_cast<std::size_t>(stage)] = value; }
  void add(Stage stage, double value) {
    auto& place = seconds[static_cast<std::size_t>(stage)];
    place = place.value_or(0) + value;
  }
  std::optional<double> of(Stage stage) const { return seconds[static_cast<std::size_t>(stage)]; }
  /// From the end of the data to the end of the reply; of the way out, of the host's part.
  double delivery_seconds() const;
};

/// The label for an outcome of a delivery that came in. `door` tells what temporary means: what
/// door 1 could not file is left.
std::string_view delivery_result(Way door, const Outcome& outcome);

/// The label for an outcome of a recipient on the way out.
std::string_view sending_result(const Outcome& outcome);

/// One line of JSON without its end, valid UTF-8, control characters escaped, at most 64 KiB: of
/// many recipients or attachments the first ones, with the number of all; the counts are of all.
std::string render_record(const MessageRecord& record);

/// What is counted of a message.
struct RecordCounts {
  Way way = Way::door_1;
  std::map<std::string, std::uint64_t, std::less<>> results;  ///< recipients
  std::map<std::string, std::uint64_t, std::less<>> marks;    ///< by odd_mark_label()
  std::uint64_t attachments = 0;
};
RecordCounts counts_of(const MessageRecord& record);

/// What render_record() wrote; nullopt if it is nothing of the kind. `counts` is of all recipients
/// also where the line names some of them only. Bounded by the line's size; never throws.
struct ReadRecord {
  MessageRecord record;
  RecordCounts counts;
};
std::optional<ReadRecord> parse_record(std::string_view line);

std::int64_t milliseconds_now();

}  // namespace smtpgate::milter
