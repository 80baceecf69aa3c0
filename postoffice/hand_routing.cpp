// Routing by hand; see the header. Error numbers are the original's (docs/mmff.md, "Errors").
#include "postoffice/hand_routing.h"

#include <algorithm>
#include <set>
#include <utility>

#include "postoffice/character_set.h"
#include "postoffice/groups.h"
#include "postoffice/mmff_text.h"

namespace smtpgate::postoffice {

namespace {

constexpr int unknown_service = 151;
constexpr int submission_failed = 201;

class Router {
 public:
  Router(const Postoffice& postoffice, std::uint64_t message)
      : postoffice_(postoffice), message_(message) {}

  void to_native(const NativeAddress& address, std::uint64_t line) {
    if (!(address.postoffice == postoffice_.settings().name)) {
      problem(bad_address, line,
              "Bad address " + address.str() + ": another postoffice, not deliverable by hand (" +
                  "this is " + postoffice_.settings().name.str() + ")");
      return;
    }
    to_name(address.mailbox, {}, address.str(), line);
  }

  void to_name(std::string_view local_part, std::string_view domain, const std::string& address,
               std::uint64_t line) {
    auto found = postoffice_.resolve(local_part, domain);
    if (!found) {
      failed(address, found.error(), line);
    } else if (found->group.empty()) {
      add(found->mailbox);
    } else {
      to_group(*found, address, line);
    }
  }

  void to_typed(const TypedAddress& address, std::uint64_t line) {
    if (address.type == "SMTP") {
      problem(bad_address, line,
              "Bad address " + address.str() + ": mail for the Internet is not sent by hand; " +
                  "give a mailbox with -r");
      return;
    }
    if (address.type != "CSI") {
      problem(
          unknown_service, line,
          "Unknown service " + address.type + " in " + address.str() + "; write NET/PO/MAILBOX");
      return;
    }
    if (auto native = NativeAddress::parse(address.address)) {
      to_native(*native, line);
    } else {
      problem(bad_address, line, "Bad address " + address.address + "; write NET/PO/MAILBOX");
    }
  }

  Routing take() { return std::move(routing_); }

 private:
  void add(const std::string& mailbox) {
    if (known_.insert(mailbox).second) routing_.mailboxes.push_back(mailbox);
  }

  void failed(const std::string& address, const Outcome& why, std::uint64_t line) {
    if (why.is_temporary()) {
      routing_.problems.push_back({submission_failed, message_, line,
                                   address + ": " + why.sentence(), OutcomeKind::temporary});
    } else {
      problem(bad_address, line, "Bad address " + address + ": " + why.sentence());
    }
  }

  /// Its members here; each one beyond is told, where the original lost it (Q105525).
  void to_group(const Resolved& group, const std::string& address, std::uint64_t line) {
    if (!groups_.insert(group.group).second) return;
    DistributionOptions options;
    options.follows_forwards = false;
    auto members = distribute(postoffice_, group, options);
    if (!members) return failed(address, members.error(), line);
    for (const std::string& mailbox : members->mailboxes) add(mailbox);
    for (const BeyondRecipient& beyond : members->beyond) {
      problem(bad_address, line,
              "Bad address " + beyond.address.str() + " (group " + beyond.via +
                  "): beyond this postoffice, not deliverable by hand; drop the file in an outbox");
    }
    for (const FailedMember& member : members->failures) {
      failed(member.member + " (" + member.where + ")", member.outcome, line);
    }
  }

  void problem(int number, std::uint64_t line, std::string text) {
    routing_.problems.push_back({number, message_, line, std::move(text), OutcomeKind::permanent});
  }

  const Postoffice& postoffice_;
  std::uint64_t message_;
  std::set<std::string> known_;
  std::set<std::string> groups_;
  Routing routing_;
};

std::uint64_t line_at(const std::vector<std::uint64_t>& lines, std::size_t index) {
  return index < lines.size() ? lines[index] : 0;
}

}  // namespace

Routing route(const Postoffice& postoffice, const MessageHeader& header,
              const HandPutOptions& options, std::uint64_t message) {
  Router router(postoffice, message);
  if (options.envelope) {
    for (const EnvelopeLine& line : *options.envelope) {
      if (line.mailbox) {
        router.to_native(*line.mailbox, 0);
      } else {
        router.to_name(line.local_part, line.domain, line.path, 0);
      }
    }
    return router.take();
  }
  for (const NativeAddress& address : options.recipients) router.to_native(address, 0);
  if (!options.recipients.empty()) return router.take();

  const std::string set = character_set_of(header, postoffice.settings().character_set);
  const auto route_list = [&](const std::vector<TypedAddress>& list,
                              const std::vector<std::uint64_t>& lines) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      TypedAddress address = list[i];
      address.address = to_utf8(address.address, set);
      router.to_typed(address, line_at(lines, i));
    }
  };
  route_list(header.to, header.to_lines);
  route_list(header.cc, header.cc_lines);
  Routing routing = router.take();
  std::stable_sort(routing.problems.begin(), routing.problems.end(),
                   [](const HandPutNote& a, const HandPutNote& b) { return a.line < b.line; });
  return routing;
}

}  // namespace smtpgate::postoffice
