// The order in which outgoing messages are due: see the header.
#include "milter/due_messages.h"

namespace smtpgate::milter {

void DueMessages::replace(const std::string& postoffice, const std::vector<std::string>& ids) {
  const std::set<std::string> found(ids.begin(), ids.end());
  for (auto entry = entries_.lower_bound({postoffice, ""});
       entry != entries_.end() && entry->first.first == postoffice;) {
    if (entry->second.in_hand || found.contains(entry->first.second)) {
      ++entry;
      continue;
    }
    order_.erase({entry->second.due, entry->first});
    entry = entries_.erase(entry);
  }
  for (const std::string& id : found) add(postoffice, id);
}

void DueMessages::add(const std::string& postoffice, const std::string& id) {
  const auto [entry, is_new] = entries_.try_emplace({postoffice, id});
  if (is_new) order_.emplace(0, entry->first);
}

void DueMessages::look_again(std::map<Key, Entry>::iterator entry) {
  if (entry->second.in_hand) {
    entry->second.look_again = true;
    return;
  }
  order_.erase({entry->second.due, entry->first});
  entry->second.due = 0;
  order_.emplace(0, entry->first);
}

void DueMessages::look_again(const std::string& postoffice) {
  for (auto entry = entries_.lower_bound({postoffice, ""});
       entry != entries_.end() && entry->first.first == postoffice; ++entry) {
    look_again(entry);
  }
}

void DueMessages::look_again(const std::string& postoffice, const std::string& id) {
  add(postoffice, id);
  look_again(entries_.find({postoffice, id}));
}

void DueMessages::forget_postoffices_but(const std::set<std::string>& postoffices) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (entry->second.in_hand || postoffices.contains(entry->first.first)) {
      ++entry;
      continue;
    }
    order_.erase({entry->second.due, entry->first});
    entry = entries_.erase(entry);
  }
}

std::optional<DueMessages::Key> DueMessages::begin(std::int64_t now) {
  if (order_.empty() || order_.begin()->first > now) return std::nullopt;
  Key key = order_.begin()->second;
  order_.erase(order_.begin());
  entries_[key].in_hand = true;
  ++in_hand_;
  return key;
}

void DueMessages::end(const Key& key, std::optional<std::int64_t> due) {
  const auto entry = entries_.find(key);
  if (entry == entries_.end() || !entry->second.in_hand) return;
  --in_hand_;
  if (!due && !entry->second.look_again) {
    entries_.erase(entry);
    return;
  }
  entry->second.in_hand = false;
  // Also one that is called gone: the command that speaks of it may have had it in its hands.
  entry->second.due = entry->second.look_again ? 0 : *due;
  entry->second.look_again = false;
  order_.emplace(entry->second.due, key);
}

std::int64_t DueMessages::next_due() const {
  return order_.empty() ? never : order_.begin()->first;
}

}  // namespace smtpgate::milter
