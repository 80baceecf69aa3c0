// TakenMessage: a message that this process has, from STATE.json to its removal; see outgoing.h.
#include "postoffice/outgoing_taken.h"

#include <cerrno>
#include <span>
#include <utility>

#include "postoffice/folder.h"
#include "postoffice/locked_directory.h"

namespace smtpgate::postoffice {

namespace {

/// A directory that we held and that is no longer there: said as what it means.
Outcome explain(const FileError& error, const std::string& id) {
  if (error.code != ENOENT) return error.outcome();
  return Outcome::temporary("message " + id + " was taken over by another host while we had it (" +
                            error.sentence() + "); it may be sent twice");
}

}  // namespace

Expected<TakenMessage> TakenMessage::State::open(HeldDirectory held) {
  auto state = read_outgoing_state(held.postoffice(), held.path(), held.id());
  if (!state) return failure(state.error());
  auto content = find_outgoing_content(held.postoffice(), held.path());
  if (!content) return failure(content.error().outcome());
  auto opened = std::make_unique<State>(State{std::move(held), std::move(*state), content->kind});
  opened->has_mark = opened->held.postoffice().files().status(opened->mark_path()).has_value();
  opened->was_left_in_doubt = opened->has_mark;
  if (opened->has_mark) opened->state.maybe_sent = true;
  return TakenMessage(std::move(opened));
}

std::string TakenMessage::State::mark_path() const {
  return path_in(held.path(), layout::outgoing_in_doubt);
}

std::string_view TakenMessage::State::content_name() const {
  return kind == OutgoingContent::mmff ? layout::outgoing_mmff : layout::outgoing_internet;
}

FileResult<void> TakenMessage::State::write(const OutgoingState& new_state) {
  const Postoffice& postoffice = held.postoffice();
  auto owner = owner_for_new_files(postoffice.files(), postoffice.directory());
  if (!owner) return tl::unexpected(owner.error());
  return replace_file(postoffice.files(), path_in(held.path(), layout::outgoing_state),
                      render_outgoing_state(new_state), 0600, *owner);
}

TakenMessage::TakenMessage(std::unique_ptr<State> state) : state_(std::move(state)) {}
TakenMessage::TakenMessage(TakenMessage&&) noexcept = default;
TakenMessage& TakenMessage::operator=(TakenMessage&&) noexcept = default;
TakenMessage::~TakenMessage() = default;

const OutgoingState& TakenMessage::state() const {
  return state_->state;
}

OutgoingContent TakenMessage::content_kind() const {
  return state_->kind;
}

Expected<std::unique_ptr<File>> TakenMessage::open_content() const {
  auto file =
      state_->held.postoffice().files().open(path_in(state_->held.path(), state_->content_name()));
  if (!file) return failure(explain(file.error(), state_->held.id()));
  return std::move(*file);
}

void TakenMessage::mark_in_doubt() {
  if (state_->has_mark || !state_->held.is_held()) return;
  // A second name for what is there costs a third of a new file, and only whether it is there is
  // ever asked.
  state_->has_mark =
      state_->held.postoffice()
          .files()
          .link(path_in(state_->held.path(), layout::outgoing_state), state_->mark_path())
          .has_value();
}

bool TakenMessage::was_left_in_doubt() const {
  return state_->was_left_in_doubt;
}

Outcome TakenMessage::save(OutgoingState state) {
  if (!state_->held.is_held()) {
    return Outcome::temporary("message " + state.id + " is not ours; a fault in this program");
  }
  state.id = state_->held.id();
  state.key = state_->state.key;
  if (auto written = state_->write(state); !written) return explain(written.error(), state.id);
  state_->state = std::move(state);
  // What is known now is written down. Should the mark stay, it is said once too often.
  if (std::exchange(state_->has_mark, false)) {
    (void)state_->held.postoffice().files().remove(state_->mark_path());
    state_->was_left_in_doubt = false;
  }
  return Outcome::delivered("state of message " + state_->held.id() + " written");
}

Outcome TakenMessage::finish(const OutgoingState& final_state) {
  if (!final_state.is_done()) {
    return Outcome::temporary("message " + final_state.id +
                              " has recipients that wait; a fault in this program");
  }
  HeldDirectory& held = state_->held;
  if (!held.is_held()) {
    return Outcome::temporary("message " + final_state.id +
                              " is not ours; a fault in this program");
  }
  const Postoffice& postoffice = held.postoffice();
  if (!state_->state.key.empty()) confirm_outgoing_marker(postoffice, state_->state.key);
  const std::string gone = gone_path(postoffice, held.id());
  auto moved = held.move_away(gone);
  if (!moved && held.is_held()) {
    // It stays, so what it says of its recipients must be true.
    const Outcome saved = save(final_state);
    const Outcome problem = explain(moved.error(), held.id());
    if (saved.is_delivered()) return problem;
    return Outcome::temporary(problem.sentence() + "; " + saved.sentence() +
                              "; it may be sent twice");
  }
  if (!moved) {
    // A power cut may bring it back under its old name; then it must say that it is done. It is
    // removed by keep_alive().
    const bool is_safe = state_->write(final_state).has_value();
    return Outcome::delivered(
        "message " + held.id() + " is done; a power cut now may bring it back" +
            (is_safe ? ": " : " and send it twice: ") + moved.error().sentence(),
        std::string(gone_until_power_cut));
  }
  // What cannot be removed under that name is removed by keep_alive().
  const std::string_view known[] = {state_->content_name(), layout::outgoing_state,
                                    layout::outgoing_in_doubt};
  (void)remove_with_files(postoffice.files(), gone, std::span(known, state_->has_mark ? 3 : 2));
  return Outcome::delivered("message " + held.id() + " is done");
}

Outcome TakenMessage::set_aside(OutgoingState state, std::string reason) {
  state.reason = std::move(reason);
  if (Outcome saved = save(std::move(state)); !saved.is_delivered()) return saved;
  HeldDirectory& held = state_->held;
  if (auto problem = make_outgoing_parts(held.postoffice())) return *problem;
  auto moved = held.move_away(OutgoingPlace{held.id(), {}, true}.path(held.postoffice()));
  if (!moved) return explain(moved.error(), held.id());
  return Outcome::delivered("message " + held.id() + " lies in SMTP/BAD");
}

}  // namespace smtpgate::postoffice
