// A message given up and its sender told; see reports.h. The report first, and under a name that is
// the same each time: a crash before the removal repeats a step that changes nothing.
#include <utility>

#include "postoffice/reports.h"

namespace smtpgate::postoffice {

Outcome return_to_sender(const Postoffice& postoffice, TakenMessage& message, std::string remark) {
  OutgoingState state = message.state();
  NonDelivery failed;
  failed.message_id = state.id;
  failed.remark = std::move(remark);
  failed.original_kind = message.content_kind();
  for (OutgoingRecipient& recipient : state.recipients) {
    // Also who failed before, if nobody could be told of it then.
    const bool is_news = recipient.state == RecipientState::failed && !recipient.reported;
    if (recipient.state != RecipientState::waiting && !is_news) continue;
    recipient.state = RecipientState::failed;
    // Of the last try, if there was one.
    if (recipient.status.empty()) recipient.status = "5.0.0";
    failed.recipients.push_back(recipient);
    recipient.reported = true;
  }
  std::string told = "nobody waits for it, and all was told";
  if (!failed.recipients.empty() && state.mailbox.empty()) {
    told = "it is a program's, and nobody is told";
  } else if (!failed.recipients.empty()) {
    auto original = message.open_content();
    // It was there when the message was taken: a disk that does not answer now may do so later.
    if (!original) return original.error();
    failed.original = original->get();
    const Outcome filed = file_non_delivery(postoffice, state.mailbox, failed);
    if (!filed.is_delivered()) return filed;
    told = "report " + filed.sentence();
  }
  const Outcome finished = message.finish(state);
  if (!finished.is_delivered()) return finished;
  told = "message " + state.id + " is returned: " + told;
  if (finished.status() != gone_until_power_cut) return Outcome::delivered(std::move(told));
  return Outcome::delivered(told + "; " + finished.sentence(), std::string(gone_until_power_cut));
}

}  // namespace smtpgate::postoffice
