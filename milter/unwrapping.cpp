// Unwrapping: see the header. In this order nothing of a payload is used before its MAC is known to
// be right, but for the FROM that says whose key it should be of.
#include "milter/unwrapping.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "milter/secret_file.h"
#include "postoffice/encapsulated.h"
#include "postoffice/peer_mail.h"
#include "postoffice/printable.h"

namespace smtpgate::milter {

using postoffice::EncapsulatedMessage;
using postoffice::FileRange;
using postoffice::NativeAddress;
using postoffice::Postoffice;

namespace {

constexpr std::int64_t day = 86'400;
constexpr std::size_t longest_refusal = 300;  // octets, as it stands in the message and the log

class Unwrapping {
 public:
  Unwrapping(const UnwrappingPlace& place, converter::RawMessage& raw,
             converter::ConvertedMessage& converted)
      : place_(place), raw_(raw), converted_(converted) {}

  /// Permanent: it is no message of a peer's.
  Outcome run() {
    auto payload = find_payload();
    if (!payload) return payload.error();
    auto message = open(*payload);
    if (!message) return message.error();
    if (auto good = postoffice::check_peer_message(*message); !good) return good.error();
    return deliver(*message);
  }

 private:
  Expected<FileRange> find_payload();
  Expected<EncapsulatedMessage> open(const FileRange& payload) const;
  Outcome deliver(const EncapsulatedMessage& message);
  /// The offices that its recipients are of, and of each who they are; a recipient of none is
  /// refused.
  Expected<void> sort(const EncapsulatedMessage& message);
  std::optional<Outcome> judge_age(std::int64_t created) const;

  struct Target {
    Postoffice office;
    std::vector<NativeAddress> to;
  };

  const UnwrappingPlace& place_;
  converter::RawMessage& raw_;
  converter::ConvertedMessage& converted_;
  std::unique_ptr<postoffice::File> decoded_;  ///< all attachments, one after the other
  std::vector<Target> targets_;                ///< the first is the office of the address
  std::vector<postoffice::OutgoingRecipient> refused_;
};

Expected<FileRange> Unwrapping::find_payload() {
  const auto none = [] { return failure(Outcome::permanent("it has no encapsulated message")); };
  const auto& attachments = converted_.header.attachments;
  if (attachments.empty()) return none();
  auto file = place_.files.create_unnamed(place_.configuration.spool_directory());
  if (!file) return failure(file.error().outcome());
  decoded_ = std::move(*file);
  auto copied = converted_.attachments.copy_to(raw_.content(), *decoded_);
  if (!copied) return failure(copied.error().outcome());
  FileRange range{decoded_.get(), 0, 0};
  for (const postoffice::Attachment& attachment : attachments) {
    range.size = attachment.size;
    std::string beginning(postoffice::encapsulation_mark.size(), '\0');
    auto count = decoded_->read_at(range.offset, beginning);
    if (!count) return failure(count.error().outcome());
    beginning.resize(std::min<std::uint64_t>(*count, range.size));
    if (beginning == postoffice::encapsulation_mark) return range;
    range.offset += range.size;
  }
  return none();
}

Expected<EncapsulatedMessage> Unwrapping::open(const FileRange& payload) const {
  const auto sender = postoffice::claimed_sender(payload);
  if (!sender) return failure(sender.error());
  const converter::Peer* peer = place_.configuration.find_peer(sender->postoffice);
  if (peer == nullptr) {
    return failure(
        Outcome::permanent("its FROM, " + sender->str() + ", is of no peer's postoffice", "5.7.1"));
  }
  const auto key = read_peer_key(place_.files, peer->key_file);
  if (!key) return failure(key.error());
  return open_encapsulated(payload, *key);
}

Expected<void> Unwrapping::sort(const EncapsulatedMessage& message) {
  targets_.push_back({place_.office, {}});
  for (const NativeAddress& recipient : message.header.to) {
    const auto* served = place_.configuration.find_postoffice(recipient.postoffice);
    if (served == nullptr) {
      postoffice::OutgoingRecipient refused;
      refused.address = postoffice::TypedAddress::native(recipient);
      refused.state = postoffice::RecipientState::failed;
      refused.status = "5.7.1";
      refused.reason = "the postoffice " + recipient.postoffice.str() +
                       " is not served here, and nothing is passed on for a peer";
      refused_.push_back(std::move(refused));
      continue;
    }
    auto target = std::find_if(targets_.begin(), targets_.end(), [&](const Target& one) {
      return one.office.settings().name == recipient.postoffice;
    });
    if (target == targets_.end()) {
      auto opened = Postoffice::open(served->directory, place_.files);
      if (!opened) return failure(opened.error());
      target = targets_.insert(target, {std::move(*opened), {}});
    }
    target->to.push_back(recipient);
  }
  return {};
}

/// Until the marks of what was filed expire, a repetition is known. Permanent, or nothing.
std::optional<Outcome> Unwrapping::judge_age(std::int64_t created) const {
  int days = targets_.front().office.settings().dedupe_days;
  for (const Target& target : targets_) {
    days = std::min(days, target.office.settings().dedupe_days);
  }
  const std::int64_t age = place_.arrival - created;
  if (age > days * day) {
    return Outcome::permanent(
        fmt::format("it is more than {} days old, and a repetition would not be known", days),
        "5.4.7");
  }
  if (age < -day) return Outcome::permanent("its CREATED is more than a day ahead", "5.6.0");
  return std::nullopt;
}

Outcome Unwrapping::deliver(const EncapsulatedMessage& message) {
  if (auto sorted = sort(message); !sorted) return sorted.error();
  if (auto problem = judge_age(message.header.created)) return *problem;
  std::string told;
  std::optional<Outcome> trouble;
  for (Target& target : targets_) {
    postoffice::PeerMail mail{.message = &message,
                              .to = std::move(target.to),
                              .refused = std::exchange(refused_, {}),
                              .arrival = place_.arrival,
                              .too_late = place_.too_late};
    if (mail.to.empty() && mail.refused.empty()) continue;
    const Outcome outcome = postoffice::put_peer_mail(target.office, mail);
    if (outcome.is_delivered()) {
      told += (told.empty() ? "" : "; ") + outcome.sentence();
    } else if (!trouble) {
      trouble = outcome;
    }
  }
  if (!trouble) return Outcome::delivered(told);
  // It is a peer's message: what went wrong with it was never an outsider's doing.
  return Outcome::temporary(trouble->sentence(),
                            trouble->is_temporary() ? trouble->status() : "4.3.0");
}

}  // namespace

Unwrapped unwrap(const UnwrappingPlace& place, converter::RawMessage& raw,
                 converter::ConvertedMessage& converted) {
  Outcome outcome = Unwrapping(place, raw, converted).run();
  if (!outcome.is_permanent()) return {std::move(outcome), {}};
  return {std::nullopt, printable(outcome.sentence(), longest_refusal)};
}

}  // namespace smtpgate::milter
