// What a mailbox or a group comes to when groups and forwards are followed: a walk over a graph
// whose nodes are the mailboxes with forwards and the groups, each looked at once, by a work list.
//
// Where all ways from a node end in circles, the message would be lost without a word. So after the
// walk it is found out from which nodes somebody is reached at all: a mailbox from which nobody is
// keeps the message, and a group from which nobody is, is a failure.
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "postoffice/folder.h"
#include "postoffice/group_file.h"
#include "postoffice/groups.h"
#include "postoffice/name_search.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t most_members = 100'000;

class Distributor {
 public:
  Distributor(const Postoffice& postoffice, const DistributionOptions& options)
      : postoffice_(postoffice), options_(options), names_(postoffice) {}

  Expected<Distribution> run(const Resolved& root) {
    if (!root.group.empty()) {
      (void)node_of(Node::Kind::group, root.group);
    } else {
      add_mailbox(root.mailbox, nobody);
      if (refusal_) return failure(*refusal_);
    }
    for (std::size_t at = 0; at < nodes_.size(); ++at) {
      if (auto problem = expand(at)) {
        // Of the name itself, nothing is known; of one inside, the others are served.
        if (at == 0) return failure(*problem);
        fail(nodes_[at].named_as, nodes_[at].named_where, *problem);
        nodes_[at].reaches_somebody = true;  // somebody was told
      }
      if (visited_ > most_members) {
        return failure(Outcome::temporary(
            fmt::format("{} comes to more than {} members; divide it",
                        root.group.empty() ? "mailbox " + root.mailbox : "group " + root.group,
                        most_members),
            "4.3.5"));
      }
    }
    end_circles();
    result_.owner = nodes_.empty() ? root.mailbox : nodes_.front().owner;
    return std::move(result_);
  }

 private:
  static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

  /// A group, or a mailbox with a forward.
  struct Node {
    enum class Kind { mailbox, group };
    Kind kind = Kind::group;
    std::string name;
    std::string owner;        ///< in whose name mail is passed on from here
    std::string named_as;     ///< as the first who named it wrote it
    std::string named_where;  ///< and where that was
    std::vector<std::size_t> named_by;
    bool reaches_somebody = false;
    MailboxSettings settings;  ///< of a mailbox

    std::string where() const { return (kind == Kind::group ? "group " : "forward of ") + name; }
  };

  void fail(std::string member, std::string where, Outcome outcome) {
    result_.failures.push_back({std::move(member), std::move(where), std::move(outcome)});
  }

  /// The node's index; it is made where it is new.
  std::size_t node_of(Node::Kind kind, const std::string& name) {
    const auto [found, is_new] = node_index_.emplace(std::pair(kind, name), nodes_.size());
    if (is_new) {
      Node node;
      node.kind = kind;
      node.name = name;
      node.named_as = name;
      nodes_.push_back(std::move(node));
    }
    return found->second;
  }

  /// `from` names the node `to`.
  void name_node(std::size_t from, std::size_t to, const std::string& as) {
    if (from == nobody) return;
    if (nodes_[to].named_by.empty() && nodes_[to].named_where.empty()) {
      nodes_[to].named_as = as;
      nodes_[to].named_where = nodes_[from].where();
    }
    nodes_[to].named_by.push_back(from);
  }

  void keep_in(const std::string& mailbox) {
    if (mailboxes_.insert(mailbox).second) result_.mailboxes.push_back(mailbox);
  }

  /// Served here, and a node if it forwards. `from` is told of trouble with its settings.
  void add_mailbox(const std::string& mailbox, std::size_t from, const std::string& as = {}) {
    const auto known = node_index_.find(std::pair(Node::Kind::mailbox, mailbox));
    if (known != node_index_.end()) return name_node(from, known->second, as);
    if (mailboxes_.contains(mailbox)) return reach(from);
    if (!options_.follows_forwards) {
      keep_in(mailbox);
      return reach(from);
    }
    auto settings = read_mailbox_settings(postoffice_, mailbox);
    if (settings && options_.is_from_internet) {
      if (auto refusal = why_not_from_internet(mailbox, *settings)) {
        return refuse(mailbox, from, as, std::move(*refusal));
      }
    }
    if (settings && settings->keep_original) result_.keeping_original.insert(mailbox);
    if (settings && settings->quota.is_set()) result_.quotas[mailbox] = settings->quota;
    if (settings && settings->forward.empty()) {
      keep_in(mailbox);
      return reach(from);
    }
    const std::size_t node = node_of(Node::Kind::mailbox, mailbox);
    nodes_[node].owner = mailbox;
    name_node(from, node, as);
    if (settings) {
      nodes_[node].settings = std::move(*settings);
    } else {
      unreadable_.emplace(node, settings.error());
    }
  }

  void refuse(const std::string& mailbox, std::size_t from, const std::string& as,
              Outcome refusal) {
    if (from == nobody) {
      refusal_ = std::move(refusal);
      return;
    }
    if (failed_.insert(mailbox).second) fail(as, nodes_[from].where(), std::move(refusal));
    reach(from);  // not silently, at least
  }

  void reach(std::size_t node) {
    if (node != nobody) nodes_[node].reaches_somebody = true;
  }

  std::optional<Outcome> expand(std::size_t at) {
    if (nodes_[at].kind == Node::Kind::group) return expand_group(at);
    if (const auto found = unreadable_.find(at); found != unreadable_.end()) return found->second;
    expand_mailbox(at);
    return std::nullopt;
  }

  std::optional<Outcome> expand_group(std::size_t at) {
    auto group = read_group(postoffice_, nodes_[at].name);
    if (!group) return group.error();
    // Reports about a member go to the owner; where that mailbox was removed, somebody must hear.
    auto owner = postoffice_.files().status(postoffice_.mailbag_directory(group->owner));
    if (!owner && owner.error().code != ENOENT) return owner.error().outcome();
    if (!owner) {
      if (auto problem = why_not_there(postoffice_)) return problem;
    }
    nodes_[at].owner = owner ? group->owner : std::string(layout::postmaster);
    for (const std::string& member : group->members) {
      if (++visited_ > most_members) return std::nullopt;
      auto address = parse_member(member, postoffice_.settings().name);
      if (address) add_address(at, *address, member);
    }
    return std::nullopt;
  }

  void expand_mailbox(std::size_t at) {
    const std::vector<TypedAddress> targets = nodes_[at].settings.forward;
    if (nodes_[at].settings.keep_copy) {
      keep_in(nodes_[at].name);
      reach(at);
    }
    for (const TypedAddress& target : targets) {
      if (++visited_ > most_members) return;
      add_address(at, target, target.str());
    }
  }

  void add_address(std::size_t from, const TypedAddress& address, const std::string& as) {
    if (address.type == "CSI") {
      auto native = NativeAddress::parse(address.address);
      if (native && native->postoffice == postoffice_.settings().name) {
        return add_name(from, native->mailbox, as);
      }
    }
    if (beyond_.insert(address_key(address)).second) {
      result_.beyond.push_back({address, nodes_[from].name, nodes_[from].owner});
    }
    reach(from);
  }

  void add_name(std::size_t from, const std::string& name, const std::string& as) {
    auto found = names_.resolve(name);
    // A catch-all would hide a member that was removed long ago.
    if (found && found->how == "catch-all") {
      found = failure(Outcome::permanent("there is no mailbox, alias or group " + name, "5.1.1"));
    }
    if (!found) {
      if (failed_.insert(fold_mailbox_name(name)).second) {
        fail(as, nodes_[from].where(), found.error());
      }
      return reach(from);  // not silently, at least
    }
    if (!found->group.empty()) {
      const std::size_t node = node_of(Node::Kind::group, found->group);
      return name_node(from, node, as);
    }
    const Node& source = nodes_[from];
    if (source.kind == Node::Kind::mailbox && source.name == found->mailbox) {
      keep_in(found->mailbox);  // forwarded to oneself: a copy is kept
      return reach(from);
    }
    add_mailbox(found->mailbox, from, as);
  }

  /// Says to all that name a node from which somebody is reached that they reach somebody.
  void spread(std::vector<std::size_t> reached) {
    while (!reached.empty()) {
      const std::size_t at = reached.back();
      reached.pop_back();
      for (const std::size_t from : nodes_[at].named_by) {
        if (nodes_[from].reaches_somebody) continue;
        nodes_[from].reaches_somebody = true;
        reached.push_back(from);
      }
    }
  }

  void end_circles() {
    std::vector<std::size_t> reached;
    for (std::size_t at = 0; at < nodes_.size(); ++at) {
      if (nodes_[at].reaches_somebody) reached.push_back(at);
    }
    spread(std::move(reached));
    // Every mailbox of the circle keeps it: which of them was meant, nobody can say.
    for (std::size_t at = 0; at < nodes_.size(); ++at) {
      if (nodes_[at].reaches_somebody || nodes_[at].kind != Node::Kind::mailbox) continue;
      keep_in(nodes_[at].name);
      kept_.push_back(at);
    }
    for (const std::size_t at : kept_) nodes_[at].reaches_somebody = true;
    spread(std::move(kept_));
    for (const Node& node : nodes_) {
      if (node.reaches_somebody) continue;
      fail(node.named_as, node.named_where.empty() ? node.where() : node.named_where,
           Outcome::permanent("group " + node.name + " has no members", "5.2.4"));
    }
  }

  const Postoffice& postoffice_;
  const DistributionOptions& options_;
  NameSearch names_;
  std::vector<Node> nodes_;  ///< also the work list, in the order found
  std::map<std::pair<Node::Kind, std::string>, std::size_t> node_index_;
  std::map<std::size_t, Outcome> unreadable_;
  std::set<std::string> mailboxes_;
  std::set<std::string> beyond_;
  std::set<std::string> failed_;
  std::vector<std::size_t> kept_;
  std::size_t visited_ = 0;
  std::optional<Outcome> refusal_;  ///< of the name itself
  Distribution result_;
};

}  // namespace

std::optional<Outcome> why_not_from_internet(const std::string& mailbox,
                                             const MailboxSettings& settings) {
  if (settings.receive_from_internet || mailbox == layout::postmaster) return std::nullopt;
  return Outcome::permanent("mailbox " + mailbox + " takes no mail from the Internet", "5.7.1");
}

Expected<Distribution> distribute(const Postoffice& postoffice, const Resolved& resolved,
                                  const DistributionOptions& options) {
  return Distributor(postoffice, options).run(resolved);
}

}  // namespace smtpgate::postoffice
