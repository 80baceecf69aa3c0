// status_page: renders the status page of a report that it reads as JSON, so that tests/page/run
// can look at one of fixed data. "status_page style" prints the style sheet instead. Not installed.
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

#include <sysexits.h>

#include "milter/status_page.h"

int main(int argc, char** argv) {
  using namespace smtpgate::milter;
  if (argc == 2 && std::string_view(argv[1]) == "style") {
    std::cout << status_page_style();
    return EX_OK;
  }
  const std::string json{std::istreambuf_iterator<char>(std::cin),
                         std::istreambuf_iterator<char>()};
  const auto report = parse_status_json(json);
  if (!report) {
    std::cerr << "status_page: standard input is no status report\n";
    return EX_DATAERR;
  }
  std::cout << render_status_page(*report, false);
  return EX_OK;
}
