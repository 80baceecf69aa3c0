// What shadow mode has found: each message's record (message_record.h) is kept in
// <work>/shadow_records, and summed up here: what would have been claimed, left and refused, and
// why, what was odd, how large and how long, by mailbox (docs/changing.md, "Shadow mode").
//
// Not for what shadow mode may touch: shadow.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "milter/message_observer.h"
#include "milter/records_file.h"

namespace smtpgate::milter {

/// Keeps the record of every message and hands it on. When the file has grown to `largest`, it
/// becomes shadow_records.1, in place of the one before: what is kept is bounded, and the newest.
class ShadowRecorder : public MessageObserver {
 public:
  static constexpr std::uint64_t usual_largest = std::uint64_t{64} << 20;

  /// `next` outlives it. The error is a sentence.
  static tl::expected<std::unique_ptr<ShadowRecorder>, std::string> open(
      const std::string& work, MessageObserver& next, std::uint64_t largest = usual_largest);

  void note(MessageRecord record) noexcept override;
  void session_began() noexcept override { next_.session_began(); }
  void session_ended() noexcept override { next_.session_ended(); }

 private:
  ShadowRecorder(std::unique_ptr<RecordsFile> file, MessageObserver& next, std::uint64_t largest);

  std::unique_ptr<RecordsFile> file_;
  MessageObserver& next_;
  std::uint64_t largest_;
  std::mutex mutex_;
  std::uint64_t size_ = 0;  ///< of the file, as far as it is ours
};

struct ShadowMailbox {
  std::uint64_t messages = 0;    ///< would have been filed there
  std::uint64_t duplicates = 0;  ///< are there already
  std::uint64_t octets = 0;      ///< of the messages as they came
};

/// Of recipients with one fate, one reason: words that name somebody are taken out of it.
struct ShadowReason {
  std::string status;
  std::string sentence;  ///< of the first
  std::string example;   ///< its address
  std::uint64_t recipients = 0;
};

struct ShadowReport {
  std::int64_t first_ms = 0;  ///< milliseconds since 1970; 0: nothing was seen
  std::int64_t last_ms = 0;
  std::uint64_t messages = 0;  ///< that came to their end with a recipient of ours
  std::uint64_t octets = 0;
  std::uint64_t largest = 0;  ///< octets
  std::uint64_t attachments = 0;
  double median_seconds = 0;  ///< from the end of a message to our answer
  double slow_seconds = 0;    ///< 95 of 100 took less
  double longest_seconds = 0;
  std::map<std::string, std::uint64_t, std::less<>>
      recipients;                                         ///< claimed, duplicate, left, refused
  std::vector<ShadowReason> left;                         ///< the most frequent first
  std::vector<ShadowReason> refused;                      ///< likewise
  std::map<std::string, std::uint64_t, std::less<>> odd;  ///< marks by kind
  std::map<std::string, ShadowMailbox> mailboxes;         ///< NET/PO/BOX
  std::uint64_t unread = 0;                               ///< lines that are no records
};

/// Of all records that are kept in `work`.
ShadowReport read_shadow_report(const std::string& work);
std::string render_shadow_text(const ShadowReport& report);  ///< printable
std::string render_shadow_json(const ShadowReport& report);

}  // namespace smtpgate::milter
