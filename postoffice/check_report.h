// Where the parts of `postoffice check` put what they find. Internal to this room.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "postoffice/postoffice_check.h"

namespace smtpgate::postoffice {

class CheckReport {
 public:
  CheckReport(const CheckOptions& options, CheckResult& result)
      : options_(options), result_(result) {}

  const CheckOptions& options() const { return options_; }
  CheckResult& result() { return result_; }

  /// `mend` is called if it is to be mended; empty: it cannot be.
  void find(CheckFinding finding, const std::function<Outcome()>& mend = {}) {
    if (options_.repairs && mend) {
      const Outcome mended = mend();
      finding.state =
          mended.is_delivered() ? CheckFinding::State::mended : CheckFinding::State::failed;
      if (!mended.is_delivered()) finding.what += "; not mended: " + mended.sentence();
    }
    if (options_.found) options_.found(finding);
    result_.findings.push_back(std::move(finding));
  }
  void trouble(Outcome outcome) { result_.troubles.push_back(std::move(outcome)); }
  void saw_message(std::uint64_t octets) {
    result_.octets += octets;
    if (options_.seen)
      options_.seen(++result_.messages);
    else
      ++result_.messages;
  }

 private:
  const CheckOptions& options_;
  CheckResult& result_;
};

/// A change of mailboxes that was begun.
void check_changes(const Postoffice& postoffice, CheckReport& report);
/// What commands that were killed left.
void check_leftovers(const Postoffice& postoffice, CheckReport& report);
/// GLB and GRP.
void check_settings(const Postoffice& postoffice, CheckReport& report);
/// MBG.
void check_mailbags(const Postoffice& postoffice, CheckReport& report);
/// P1 and SMTP.
void check_work(const Postoffice& postoffice, CheckReport& report);

}  // namespace smtpgate::postoffice
