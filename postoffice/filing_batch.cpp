// Filing in many mailbags: see the header.
//
// A sync of a directory waits for a commit of the file system's journal. With all the links made
// before the first sync, one commit holds them all, and the other syncs find theirs done; one by
// one, each link would be followed by a commit of its own.
#include "postoffice/filing_batch.h"

#include <algorithm>
#include <exception>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace smtpgate::postoffice {

namespace {

/// What the steps of one mailbox throw is its own outcome: those that lie in new/ beside it are
/// still to be synced.
template <typename Step>
std::optional<Outcome> guarded(Step step) {
  std::string what = "out of memory";
  try {
    return step();
  } catch (const std::bad_alloc&) {
  } catch (const std::exception& exception) {
    what = exception.what();
  }
  return Outcome::temporary("the message could not be filed: " + what + "; it will be tried again");
}

/// A mailbox on its way.
struct Member {
  std::size_t place = 0;             ///< among the targets
  std::optional<FilingSteps> steps;  ///< once it is begun
  std::optional<Outcome> outcome;    ///< once it is known: no step follows
};

template <typename Step>
void take_step(std::span<Member> members, Step step) {
  for (Member& member : members) {
    if (member.outcome) continue;
    member.outcome = guarded([&] { return step(member); });
    // What it kept for itself, room above all, is given back at once.
    if (member.outcome) member.steps.reset();
  }
}

}  // namespace

std::vector<Outcome> file_message(const Postoffice& postoffice, const SealedMessage& message,
                                  std::span<const FilingTarget> targets, std::int64_t now,
                                  const BeforeFiling& before_each) {
  const auto begin = [&](Member& member) -> std::optional<Outcome> {
    if (auto outcome = before_each(member.place)) return outcome;
    auto steps = FilingSteps::prepare(postoffice, message, targets[member.place], now);
    if (!steps) return steps.error();
    member.steps.emplace(std::move(*steps));
    return member.steps->begin();
  };
  const auto file_together = [&](std::span<Member> members) {
    take_step(members, begin);
    take_step(members, [](Member& member) { return member.steps->sync(); });
    take_step(members, [](Member& member) { return std::optional(member.steps->finish()); });
  };
  std::vector<Outcome> outcomes;
  outcomes.reserve(targets.size());
  if (targets.size() == 1) {  // most messages: nothing to keep account of
    Member only;
    file_together({&only, 1});
    outcomes.push_back(std::move(*only.outcome));
    return outcomes;
  }
  std::vector<std::optional<Outcome>> known(targets.size());
  std::vector<Member> members;
  members.reserve(std::min(targets.size(), filed_together));
  const auto file_members = [&] {
    file_together(members);
    for (Member& member : members) known[member.place] = std::move(member.outcome);
    members.clear();
  };
  // Where each target's mailbox is named first.
  std::map<std::string_view, std::size_t> named;
  std::vector<std::size_t> first;
  first.reserve(targets.size());
  for (std::size_t place = 0; place < targets.size(); ++place) {
    first.push_back(named.try_emplace(targets[place].mailbox, place).first->second);
    if (first.back() != place) continue;
    members.push_back({place, {}, {}});
    if (members.size() == filed_together) file_members();
  }
  file_members();
  for (std::size_t place = 0; place < targets.size(); ++place) {
    outcomes.push_back(first[place] == place ? std::move(*known[place]) : outcomes[first[place]]);
  }
  return outcomes;
}

}  // namespace smtpgate::postoffice
