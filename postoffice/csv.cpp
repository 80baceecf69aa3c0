// CSV; see the header.
#include "postoffice/csv.h"

#include <algorithm>
#include <cstddef>

namespace smtpgate::postoffice {

namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  tl::expected<std::vector<CsvRecord>, CsvError> run() {
    std::vector<CsvRecord> records;
    while (!rest_.empty()) {
      CsvRecord record;
      record.line = line_;
      for (;;) {
        auto field = rest_.starts_with('"') ? quoted() : plain();
        if (!field) return tl::unexpected(field.error());
        record.fields.push_back(std::move(*field));
        if (!rest_.starts_with(',')) break;
        rest_.remove_prefix(1);
      }
      end_line();
      const bool is_empty = record.fields.size() == 1 && record.fields.front().empty();
      if (!is_empty) records.push_back(std::move(record));
    }
    return records;
  }

 private:
  using Field = tl::expected<std::string, CsvError>;

  Field plain() {
    const std::size_t size = std::min(rest_.find_first_of(",\r\n\""), rest_.size());
    std::string field(rest_.substr(0, size));
    rest_.remove_prefix(size);
    if (rest_.starts_with('"')) {
      return tl::unexpected(CsvError{line_, "a quote within a field that does not begin with one"});
    }
    return field;
  }

  Field quoted() {
    const int begin = line_;
    std::string field;
    rest_.remove_prefix(1);
    for (;;) {
      const std::size_t quote = rest_.find('"');
      if (quote == std::string_view::npos) {
        return tl::unexpected(CsvError{begin, "a quote that is not closed"});
      }
      field += rest_.substr(0, quote);
      line_ += static_cast<int>(
          std::count(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(quote), '\n'));
      rest_.remove_prefix(quote + 1);
      if (!rest_.starts_with('"')) break;
      field += '"';
      rest_.remove_prefix(1);
    }
    if (!rest_.empty() && rest_.front() != ',' && rest_.front() != '\r' && rest_.front() != '\n') {
      return tl::unexpected(CsvError{line_, "something behind a closing quote"});
    }
    return field;
  }

  void end_line() {
    if (rest_.starts_with("\r\n")) {
      rest_.remove_prefix(2);
    } else if (!rest_.empty()) {
      rest_.remove_prefix(1);
    }
    ++line_;
  }

  std::string_view rest_;
  int line_ = 1;
};

}  // namespace

tl::expected<std::vector<CsvRecord>, CsvError> parse_csv(std::string_view text) {
  return Parser(text).run();
}

std::string csv_field(std::string_view value) {
  if (value.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(value);
  std::string field = "\"";
  for (const char c : value) {
    if (c == '"') field += '"';
    field += c;
  }
  return field + "\"";
}

}  // namespace smtpgate::postoffice
