// Any octets as a date. Checked: what is read can be written in both forms and reads back as the
// same moment.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "converter/mail_date.h"

using namespace smtpgate::converter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto date = parse_mail_date({reinterpret_cast<const char*>(data), size});
  if (!date) return 0;
  // A year with a zone's help outside of 1000 to 9999 is not four digits any more.
  if (date->seconds < -30'000'000'000 || date->seconds > 253'000'000'000) return 0;
  const auto rfc3339 = parse_mail_date(date->rfc3339());
  if (!rfc3339 || rfc3339->seconds != date->seconds) std::abort();
  if (rfc3339->zone_unknown != date->zone_unknown) std::abort();
  const auto rfc5322 = parse_mail_date(format_mail_date(date->seconds, date->zone_minutes));
  if (!rfc5322 || rfc5322->seconds != date->seconds) std::abort();
  return 0;
}
