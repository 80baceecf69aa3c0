// Records of shadow mode and their sum: see the header.
#include "milter/shadow_report.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <exception>
#include <iterator>
#include <set>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "postoffice/printable.h"
#include "postoffice/table.h"

namespace smtpgate::milter {

namespace {

constexpr std::size_t most_reasons = 1000;
constexpr std::size_t most_mailboxes = 100'000;
constexpr std::size_t most_times = 1'000'000;
constexpr std::size_t shown_reasons = 10;
constexpr std::size_t longest_sentence = 200;

std::string records_path(const std::string& work) {
  return work + "/shadow_records";
}

std::string older_path(const std::string& work) {
  return records_path(work) + ".1";
}

/// Sums up; what a sender could make grow without end has a limit.
class Sum {
 public:
  void add(const ReadRecord& read) {
    const MessageRecord& record = read.record;
    if (report_.first_ms == 0 || record.ended < report_.first_ms) report_.first_ms = record.ended;
    report_.last_ms = std::max(report_.last_ms, record.ended);
    for (const auto& [result, count] : read.counts.results) {
      report_.recipients[result == "filed" ? "claimed" : result] += count;
    }
    for (const auto& [mark, count] : read.counts.marks) report_.odd[mark] += count;
    report_.attachments += read.counts.attachments;
    std::set<std::string_view> seen;
    for (const RecipientRecord& one : record.recipients) {
      if (one.result == "refused") {
        add_reason(refused_, one);
      } else if (one.result == "left") {
        add_reason(left_, one);
      } else if (seen.insert(one.destination).second) {
        add(one, record.octets);
      }
    }
    // A refusal at RCPT has a record of its own, and no message.
    const bool is_refusal =
        std::all_of(record.recipients.begin(), record.recipients.end(),
                    [](const RecipientRecord& one) { return one.result == "refused"; });
    if (is_refusal) return;
    ++report_.messages;
    report_.octets += record.octets;
    report_.largest = std::max(report_.largest, record.octets);
    if (record.octets > 0 && times_.size() < most_times) {
      times_.push_back(record.delivery_seconds());
    }
  }
  void add_unread() { ++report_.unread; }

  ShadowReport take() {
    std::sort(times_.begin(), times_.end());
    if (!times_.empty()) {
      report_.median_seconds = times_[times_.size() / 2];
      report_.slow_seconds = times_[times_.size() * 95 / 100];
      report_.longest_seconds = times_.back();
    }
    report_.left = sorted(left_);
    report_.refused = sorted(refused_);
    return std::move(report_);
  }

 private:
  using Reasons = std::map<std::string, ShadowReason>;

  /// A message in a mailbox, once however many of its names are in the envelope.
  void add(const RecipientRecord& one, std::uint64_t octets) {
    const auto found = report_.mailboxes.find(one.destination);
    if (found == report_.mailboxes.end() && report_.mailboxes.size() >= most_mailboxes) return;
    ShadowMailbox& mailbox = report_.mailboxes[one.destination];
    if (one.result == "duplicate") {
      ++mailbox.duplicates;
    } else {
      ++mailbox.messages;
      mailbox.octets += octets;
    }
  }

  /// The same reason for two recipients differs in their names: those words do not count.
  static std::string without_names(const RecipientRecord& one) {
    const std::string local = one.address.substr(0, one.address.find('@'));
    std::string result;
    std::istringstream words(one.sentence);
    for (std::string word; words >> word;) {
      const bool is_name = word == local || word.find('@') != std::string::npos ||
                           word == one.destination.substr(one.destination.rfind('/') + 1);
      result += is_name ? "* " : word + " ";
    }
    return one.status + " " + result;
  }

  static void add_reason(Reasons& reasons, const RecipientRecord& one) {
    std::string key = without_names(one);
    if (reasons.size() >= most_reasons && !reasons.contains(key)) key = "others";
    ShadowReason& reason = reasons[key];
    if (reason.recipients++ > 0) return;
    reason.status = key == "others" ? "" : one.status;
    reason.sentence = key == "others" ? "other reasons" : one.sentence;
    reason.example = one.address;
  }

  static std::vector<ShadowReason> sorted(const Reasons& reasons) {
    std::vector<ShadowReason> result;
    for (const auto& [key, reason] : reasons) result.push_back(reason);
    std::stable_sort(result.begin(), result.end(),
                     [](const auto& a, const auto& b) { return a.recipients > b.recipients; });
    return result;
  }

  ShadowReport report_;
  std::vector<double> times_;
  Reasons left_;
  Reasons refused_;
};

std::string moment(std::int64_t milliseconds) {
  const std::time_t seconds = static_cast<std::time_t>(milliseconds / 1000);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local);
  return {text.data(), size};
}

void show_reasons(std::string& out, const char* title, const std::vector<ShadowReason>& reasons) {
  if (reasons.empty()) return;
  fmt::format_to(std::back_inserter(out), "\n{}\n", title);
  const std::size_t count = std::min(reasons.size(), shown_reasons);
  for (std::size_t i = 0; i < count; ++i) {
    fmt::format_to(std::back_inserter(out), "  {:>7}  {}{}{} (such as {})\n", reasons[i].recipients,
                   printable(reasons[i].status), reasons[i].status.empty() ? "" : " ",
                   printable(reasons[i].sentence, longest_sentence),
                   printable(reasons[i].example, longest_sentence));
  }
  if (reasons.size() > count) {
    fmt::format_to(std::back_inserter(out), "  and {} reasons more; --json has all\n",
                   reasons.size() - count);
  }
}

nlohmann::json json_of(const std::vector<ShadowReason>& reasons) {
  nlohmann::json result = nlohmann::json::array();
  for (const ShadowReason& one : reasons) {
    result.push_back({{"recipients", one.recipients},
                      {"status", one.status},
                      {"sentence", one.sentence},
                      {"example", one.example}});
  }
  return result;
}

}  // namespace

ShadowRecorder::ShadowRecorder(std::unique_ptr<RecordsFile> file, MessageObserver& next,
                               std::uint64_t largest)
    : file_(std::move(file)), next_(next), largest_(largest) {
  struct stat status{};
  if (::stat(file_->path().c_str(), &status) == 0) {
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
}

tl::expected<std::unique_ptr<ShadowRecorder>, std::string> ShadowRecorder::open(
    const std::string& work, MessageObserver& next, std::uint64_t largest) {
  auto file = RecordsFile::open(records_path(work));
  if (!file) return tl::unexpected(file.error());
  return std::unique_ptr<ShadowRecorder>(new ShadowRecorder(std::move(*file), next, largest));
}

void ShadowRecorder::note(MessageRecord record) noexcept {
  try {
    const std::string line = render_record(record);
    const std::lock_guard guard(mutex_);
    if (size_ + line.size() >= largest_) {
      // Where it cannot be put aside, it grows on: no record is better lost.
      const bool is_aside =
          std::rename(file_->path().c_str(), (file_->path() + ".1").c_str()) == 0 ||
          errno == ENOENT;  // put aside by an earlier note, which could not open another
      if (is_aside && file_->reopen()) {
        size_ = 0;
      }
    }
    file_->write(line);
    size_ += line.size() + 1;
  } catch (const std::exception&) {
    // No memory: the report misses a message, and the mail goes its way.
  }
  next_.note(std::move(record));
}

ShadowReport read_shadow_report(const std::string& work) {
  Sum sum;
  for (const std::string& path : {older_path(work), records_path(work)}) {
    read_records(path, [&](std::string_view line) {
      if (const auto read = parse_record(line)) {
        sum.add(*read);
      } else {
        sum.add_unread();
      }
    });
  }
  return sum.take();
}

std::string render_shadow_text(const ShadowReport& report) {
  if (report.first_ms == 0) return "shadow mode has seen no message yet\n";
  std::string out;
  const auto line = [&](const char* label, const std::string& text) {
    fmt::format_to(std::back_inserter(out), "{:<16}{}\n", label, text);
  };
  const auto count = [&](std::string_view result) {
    const auto found = report.recipients.find(result);
    return found == report.recipients.end() ? std::uint64_t{0} : found->second;
  };
  line("from", moment(report.first_ms));
  line("to", moment(report.last_ms));
  line("messages", fmt::format("{}, {} in all, the largest {}, {} attachments", report.messages,
                               postoffice::short_size(report.octets),
                               postoffice::short_size(report.largest), report.attachments));
  line("time", fmt::format("half within {:.3f} s, 95 % within {:.3f} s, the longest {:.3f} s",
                           report.median_seconds, report.slow_seconds, report.longest_seconds));
  line("recipients",
       fmt::format("{} would be claimed, {} are there already, {} would be left to Postfix, {} "
                   "would be refused",
                   count("claimed"), count("duplicate"), count("left"), count("refused")));
  show_reasons(out, "would be left to Postfix", report.left);
  show_reasons(out, "would be refused", report.refused);
  if (!report.odd.empty()) out += "\nodd\n";
  for (const auto& [mark, times] : report.odd) {
    fmt::format_to(std::back_inserter(out), "  {:>7}  {}\n", times, printable(mark));
  }
  if (!report.mailboxes.empty()) {
    postoffice::Table table(
        {{"MAILBOX"}, {"MESSAGES", true}, {"THERE ALREADY", true}, {"SIZE", true}});
    for (const auto& [name, mailbox] : report.mailboxes) {
      table.add({printable(name), std::to_string(mailbox.messages),
                 std::to_string(mailbox.duplicates), postoffice::short_size(mailbox.octets)});
    }
    std::ostringstream rows;
    table.print(rows, 0, false);
    out += "\n" + rows.str();
  }
  if (report.unread > 0) {
    fmt::format_to(std::back_inserter(out), "\n{} lines of the records cannot be read\n",
                   report.unread);
  }
  return out;
}

std::string render_shadow_json(const ShadowReport& report) {
  nlohmann::json result = {{"first_ms", report.first_ms},
                           {"last_ms", report.last_ms},
                           {"messages", report.messages},
                           {"octets", report.octets},
                           {"largest", report.largest},
                           {"attachments", report.attachments},
                           {"seconds",
                            {{"median", report.median_seconds},
                             {"slow", report.slow_seconds},
                             {"longest", report.longest_seconds}}},
                           {"recipients", nlohmann::json::object()},
                           {"left", json_of(report.left)},
                           {"refused", json_of(report.refused)},
                           {"odd", nlohmann::json::object()},
                           {"mailboxes", nlohmann::json::object()},
                           {"unread", report.unread}};
  for (const auto& [name, times] : report.recipients) result["recipients"][name] = times;
  for (const auto& [name, times] : report.odd) result["odd"][name] = times;
  for (const auto& [name, one] : report.mailboxes) {
    result["mailboxes"][name] = {
        {"messages", one.messages}, {"duplicates", one.duplicates}, {"octets", one.octets}};
  }
  return result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace smtpgate::milter
