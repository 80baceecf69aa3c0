// Filling records: see the header.
#include "milter/message_observer.h"

#include <string>
#include <string_view>

#include "milter/smtp_command.h"
#include "postoffice/mmff.h"

namespace smtpgate::milter {

void note_conversion(MessageRecord& record, const converter::ConvertedMessage& converted) {
  if (!record.content_key.empty()) return;
  record.content_key = converted.content_key;
  const postoffice::MessageHeader& header = converted.header;
  record.text_octets = header.text_size;
  record.attachments.reserve(header.attachments.size());
  for (const postoffice::Attachment& one : header.attachments) {
    record.attachments.push_back(one.size);
    record.odd.insert(record.odd.end(), one.odd.begin(), one.odd.end());
  }
  for (const postoffice::ExtendedField& field : header.fields) {
    if (field.name == postoffice::ext::odd) record.odd.push_back(field.value);
  }
}

void note_envelope(MessageRecord& record, const converter::Envelope& envelope) {
  record.id = envelope.queue_id;
  record.sender = envelope.sender;
  record.client = envelope.client_address;
}

void note_outcomes(MessageRecord& record, const converter::Envelope& envelope,
                   const std::vector<Outcome>& outcomes) {
  record.recipients.reserve(record.recipients.size() + outcomes.size());
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const converter::EnvelopeRecipient& recipient = envelope.recipients[i];
    record.recipients.push_back({without_brackets(recipient.path), recipient.mailbox.str(),
                                 std::string(delivery_result(record.way, outcomes[i])),
                                 outcomes[i].status(), outcomes[i].sentence()});
  }
}

}  // namespace smtpgate::milter
