// The check as a whole; its parts are check_*.cpp.
#include "postoffice/postoffice_check.h"

#include <algorithm>

#include "postoffice/check_report.h"

namespace smtpgate::postoffice {

bool CheckResult::is_clean() const {
  return troubles.empty() &&
         std::all_of(findings.begin(), findings.end(), [](const CheckFinding& one) {
           return one.state == CheckFinding::State::mended ||
                  one.state == CheckFinding::State::note;
         });
}

CheckResult check_postoffice(const Postoffice& postoffice, const CheckOptions& options) {
  CheckResult result;
  CheckReport report(options, result);
  // What is unfinished changes which mailbags there are.
  check_changes(postoffice, report);
  check_leftovers(postoffice, report);
  check_settings(postoffice, report);
  check_mailbags(postoffice, report);
  check_work(postoffice, report);
  return result;
}

}  // namespace smtpgate::postoffice
