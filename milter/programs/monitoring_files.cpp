// monitoring_files: writes what is made from the table of metrics into a copy of the repository.
// For whoever changes that table; not installed.
#include "milter/monitoring_files.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include <sysexits.h>

namespace {

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool write_whole(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  if (file.flush()) return true;
  std::fprintf(stderr, "monitoring_files: cannot write %s\n", path.c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace smtpgate::milter;
  if (argc != 2 || argv[1][0] == '-') {
    std::puts(
        "usage: monitoring_files REPOSITORY\n"
        "Writes postfix-conf/grafana-dashboard.json, postfix-conf/prometheus-alerts.yml and the "
        "table in docs/monitoring.md.");
    return argc == 2 ? EX_OK : EX_USAGE;
  }
  const std::string top = argv[1];
  const std::string document = top + "/docs/monitoring.md";
  const bool written =
      write_whole(top + "/postfix-conf/grafana-dashboard.json", render_dashboard()) &&
      write_whole(top + "/postfix-conf/prometheus-alerts.yml", render_alert_rules()) &&
      write_whole(document, with_metrics_table(read_whole(document)));
  return written ? EX_OK : EX_CANTCREAT;
}
