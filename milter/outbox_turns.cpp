// The two queues of outboxes: see the header.
#include "milter/outbox_turns.h"

namespace smtpgate::milter {

void OutboxTurns::add_to(const OutboxPlace& place, bool is_news) {
  const auto [entry, is_new] = waiting_.try_emplace(place, Waiting{is_news, {}, false});
  Waiting& waiting = entry->second;
  if (is_new) {
    (is_news ? news_ : others_).push_back(place);
  } else if (!waiting.behind.empty()) {
    waiting.again = true;
  } else if (is_news && !waiting.is_news) {
    waiting.is_news = true;
    news_.push_back(place);
  }
}

std::optional<OutboxTurns::Turn> OutboxTurns::pop(std::deque<OutboxPlace>& queue, bool is_news) {
  while (!queue.empty()) {
    const OutboxPlace place = std::move(queue.front());
    queue.pop_front();
    const auto found = waiting_.find(place);
    if (found == waiting_.end() || found->second.is_news != is_news) continue;
    Turn turn{place, std::move(found->second.behind), found->second.again};
    waiting_.erase(found);
    return turn;
  }
  return std::nullopt;
}

std::optional<OutboxTurns::Turn> OutboxTurns::next() {
  were_news_last_ = !were_news_last_;
  auto turn = were_news_last_ ? pop(news_, true) : pop(others_, false);
  if (!turn) turn = were_news_last_ ? pop(others_, false) : pop(news_, true);
  return turn;
}

void OutboxTurns::end(const Turn& turn, const std::optional<std::string>& behind) {
  if (!behind) {
    if (turn.again) add(turn.place);
    return;
  }
  const auto [entry, is_new] =
      waiting_.try_emplace(turn.place, Waiting{false, *behind, turn.again});
  if (is_new) {
    others_.push_back(turn.place);
  } else {
    // Added during its turn: that begins at the beginning, which is behind nothing.
    entry->second.again = false;
  }
}

}  // namespace smtpgate::milter
