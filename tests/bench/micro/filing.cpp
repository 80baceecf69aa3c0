// Workloads: put, from the work directory into a mailbag, on whatever file system the folder lies.
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/micro/workloads.h"
#include "postoffice/postoffice.h"
#include "postoffice/put.h"

namespace smtpgate::bench {

namespace {

using namespace postoffice;

Postoffice make_postoffice(const std::string& directory, int mailboxes) {
  PostofficeSettings settings;
  settings.name = {"NET", "PO"};
  demand(Postoffice::init(directory, settings).is_delivered(), "postoffice");
  auto office = Postoffice::open(directory);
  demand(office.has_value(), "postoffice");
  for (int i = 0; i < mailboxes; ++i) {
    demand(office->add_mailbox("box" + std::to_string(i)).is_delivered(), "postoffice");
  }
  return *office;
}

Workload put(std::string name, const std::string& directory, int recipients) {
  const auto office = std::make_shared<Postoffice>(make_postoffice(directory, recipients));
  const std::string contents = words(8'000);
  const auto number = std::make_shared<unsigned>(0);
  std::vector<FilingTarget> targets;
  for (int i = 0; i < recipients; ++i) targets.push_back({"box" + std::to_string(i)});
  return {name, contents.size(), [name, office, targets, contents, number] {
            auto delivery = Delivery::begin(*office);
            demand(delivery && delivery->message_file().write(contents), name.c_str());
            demand(delivery->seal(1'795'000'000, fmt::format("{:064x}", ++*number)).is_delivered(),
                   name.c_str());
            for (const Outcome& filed : delivery->file_into_all(targets)) {
              demand(filed.is_delivered(), name.c_str());
            }
          }};
}

}  // namespace

std::vector<WorkloadMaker> filing_workloads(const std::string& directory) {
  return {
      {"put-to-1", [directory] { return put("put-to-1", directory + "/one", 1); }},
      {"put-to-50", [directory] { return put("put-to-50", directory + "/fifty", 50); }},
  };
}

}  // namespace smtpgate::bench
