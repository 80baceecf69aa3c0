// Comma-separated values as RFC 4180 has them: fields in quotes may hold commas, quotes (doubled)
// and line ends; CR LF or LF. Not for other separators.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace smtpgate::postoffice {

struct CsvRecord {
  int line = 0;  ///< where it begins, from 1
  std::vector<std::string> fields;
};

struct CsvError {
  int line = 0;
  std::string text;
};

/// Records in order; empty lines are none. One pass, linear time.
tl::expected<std::vector<CsvRecord>, CsvError> parse_csv(std::string_view text);

/// The field as it stands in a file.
std::string csv_field(std::string_view value);

}  // namespace smtpgate::postoffice
