// Preparing submissions: see the header.
#include "milter/outbound_preparation.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "milter/recipient_resolver.h"
#include "milter/secret_file.h"
#include "milter/wrapping.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_text.h"

namespace smtpgate::milter {

using converter::OutboundEnvelope;
using converter::OutboundRequest;
using postoffice::MessageHeader;
using postoffice::NativeAddress;
using postoffice::OutgoingContent;
using postoffice::OutgoingRecipient;
using postoffice::OutgoingState;
using postoffice::RecipientState;
using postoffice::TakenMessage;
namespace ext = postoffice::ext;

namespace {

using Places = std::vector<std::size_t>;

/// The MMFF file of an outgoing message, open at its contents.
struct OpenMessage {
  explicit OpenMessage(std::unique_ptr<postoffice::File> opened)
      : file(std::move(opened)), source(*file), reader(source) {}

  std::unique_ptr<postoffice::File> file;
  postoffice::OffsetSource source;
  postoffice::Reader reader;
  MessageHeader header;
};

Expected<std::unique_ptr<OpenMessage>> open_message(const TakenMessage& message) {
  auto file = message.open_content();
  if (!file) return failure(file.error());
  auto opened = std::make_unique<OpenMessage>(std::move(*file));
  auto header = opened->reader.next();
  if (!header) return failure(header.error().outcome());
  if (!*header) return failure(Outcome::permanent("its FROM_NC.API is empty", "5.6.0"));
  opened->header = std::move(**header);
  return opened;
}

class Preparer {
 public:
  Preparer(const Configuration& configuration, const postoffice::Postoffice& postoffice,
           postoffice::FileSystem& files, const TakenMessage& message, const OutgoingState& state)
      : configuration_(configuration),
        postoffice_(postoffice),
        place_(configuration.spool_place(files)),
        files_(files),
        message_(message),
        state_(state),
        resolver_(configuration, files) {
    if (!configuration.converter.map.has_shared_domains()) return;
    named_ = configuration.converter;
    named_->map.set_shared_names([this](const NativeAddress& address, const std::string& domain) {
      return resolver_.name_at(address, domain);
    });
  }
  Preparer(const Preparer&) = delete;  // the names are asked of this very object
  Preparer& operator=(const Preparer&) = delete;

  Expected<Preparation> run() {
    const Outcome done =
        message_.content_kind() == OutgoingContent::internet ? prepare_internet() : prepare_forms();
    if (!done.is_delivered()) return failure(done);
    return std::move(result_);
  }

 private:
  Outcome prepare_forms();
  Outcome prepare_mmff(const Places& places);
  void wrap_for(const postoffice::PostofficeName& postoffice, const Places& places);
  Expected<PreparedSubmission> wrapped(const postoffice::PostofficeName& postoffice,
                                       const Places& places);
  Outcome prepare_internet();
  std::optional<std::string> internet_address(std::size_t place);
  const converter::Peer* encapsulating_peer(const OutgoingRecipient& recipient) const;
  Expected<bool> author_is_ours();
  std::optional<NativeAddress> author_of(const MessageHeader& header) const;
  OutboundRequest request() const;
  const converter::ConverterSettings& settings() const {
    return named_ ? *named_ : configuration_.converter;
  }
  Places waiting() const;

  const Configuration& configuration_;
  const postoffice::Postoffice& postoffice_;
  converter::SpoolPlace place_;
  postoffice::FileSystem& files_;
  const TakenMessage& message_;
  const OutgoingState& state_;
  RecipientResolver resolver_;
  /// With a map that asks who is called what, where several postoffices share a domain.
  std::optional<converter::ConverterSettings> named_;
  std::optional<bool> author_is_ours_;
  Preparation result_;
};

Places Preparer::waiting() const {
  Places result;
  for (std::size_t i = 0; i < state_.recipients.size(); ++i) {
    if (state_.recipients[i].state == RecipientState::waiting) result.push_back(i);
  }
  return result;
}

/// FROM, if it is a mailbox of a postoffice served here.
std::optional<NativeAddress> Preparer::author_of(const MessageHeader& header) const {
  const std::string set =
      postoffice::character_set_of(header, postoffice_.settings().character_set);
  auto native = NativeAddress::parse(postoffice::to_utf8(header.from.address, set));
  if (header.from.type != "CSI" || !native ||
      configuration_.find_postoffice(native->postoffice) == nullptr) {
    return std::nullopt;
  }
  return native;
}

/// Looked at once, and only if it matters.
Expected<bool> Preparer::author_is_ours() {
  if (!author_is_ours_) {
    const auto opened = open_message(message_);
    if (!opened) return failure(opened.error());
    author_is_ours_ = author_of((*opened)->header).has_value();
  }
  return *author_is_ours_;
}

const converter::Peer* Preparer::encapsulating_peer(const OutgoingRecipient& recipient) const {
  if (recipient.address.type != "CSI") return nullptr;
  const auto native = NativeAddress::parse(recipient.address.address);
  const converter::Peer* peer = native ? configuration_.find_peer(native->postoffice) : nullptr;
  return peer != nullptr && peer->encapsulate ? peer : nullptr;
}

Outcome Preparer::prepare_forms() {
  const converter::ConverterSettings& settings = this->settings();
  Places with_mime;
  Places uuencoded;
  std::map<std::string, std::pair<postoffice::PostofficeName, Places>> wrapped;
  for (const std::size_t place : waiting()) {
    const OutgoingRecipient& recipient = state_.recipients[place];
    if (encapsulating_peer(recipient) != nullptr) {
      const auto is_ours = author_is_ours();
      if (!is_ours) return is_ours.error();
      if (*is_ours) {
        const auto name = NativeAddress::parse(recipient.address.address)->postoffice;
        auto& [postoffice, places] = wrapped[ascii_lower(name.str())];
        postoffice = name;
        places.push_back(place);
        continue;
      }
    }
    // One without an Internet address fails by itself, whatever form the others need.
    if (!internet_address(place)) continue;
    const bool old_peer =
        converter::wants_uuencode(recipient.address, settings.map, settings.outbound);
    (old_peer ? uuencoded : with_mime).push_back(place);
  }
  for (const auto& places : {with_mime, uuencoded}) {
    if (places.empty()) continue;
    if (Outcome prepared = prepare_mmff(places); !prepared.is_delivered()) return prepared;
  }
  for (const auto& [key, one] : wrapped) wrap_for(one.first, one.second);
  return Outcome::delivered("ready");
}

OutboundRequest Preparer::request() const {
  OutboundRequest request;
  request.character_set = postoffice_.settings().character_set;
  request.now = state_.created;
  request.zone_minutes = postoffice_.local_time(state_.created).zone_minutes;
  // The name that the sender's own copy has in sent/, so that reports lead to it.
  request.message_id = (state_.key.empty() ? state_.id : state_.key).substr(0, 32);
  request.envelope_id = state_.id;
  request.null_sender = state_.mailbox.empty() || state_.mailbox == "postmaster";
  if (state_.mailbox.empty()) request.auto_submitted = "auto-generated";
  return request;
}

Outcome Preparer::prepare_mmff(const Places& places) {
  auto opened = open_message(message_);
  if (!opened) return opened.error();
  OutboundRequest request = this->request();
  for (const std::size_t place : places) {
    request.recipients.push_back(state_.recipients[place].address);
  }
  // A peer's message that a group or a forward here passes on: in the name of whoever does it.
  if (!request.null_sender && !author_of((*opened)->header)) {
    auto sender =
        converter::published_address({postoffice_.settings().name, state_.mailbox}, settings().map);
    if (!sender) return sender.error();
    request.sender = std::move(*sender);
  }
  PreparedSubmission submission(place_);
  auto converted =
      converter::convert_outbound((*opened)->reader, (*opened)->header, request, settings().map,
                                  settings().outbound, place_, submission.content);
  if (!converted) return converted.error();
  submission.envelope = std::move(*converted);
  for (const converter::OutboundRefusal& refusal : submission.envelope.refused) {
    result_.results.push_back({places[refusal.index], refusal.outcome});
  }
  for (const converter::OutboundRecipient& recipient : submission.envelope.recipients) {
    submission.places.push_back({places[recipient.index]});
  }
  result_.submissions.push_back(std::move(submission));
  return Outcome::delivered("ready");
}

/// Trouble with one peer, above all with its key, holds up nobody else.
void Preparer::wrap_for(const postoffice::PostofficeName& postoffice, const Places& places) {
  auto submission = wrapped(postoffice, places);
  if (submission) {
    result_.submissions.push_back(std::move(*submission));
    return;
  }
  for (const std::size_t place : places) result_.results.push_back({place, submission.error()});
}

Expected<PreparedSubmission> Preparer::wrapped(const postoffice::PostofficeName& postoffice,
                                               const Places& places) {
  const converter::Peer& peer = *configuration_.find_peer(postoffice);
  const auto key = read_peer_key(files_, peer.key_file);
  if (!key) return failure(key.error());
  auto opened = open_message(message_);
  if (!opened) return failure(opened.error());
  const MessageHeader& header = (*opened)->header;
  const std::string set =
      postoffice::character_set_of(header, postoffice_.settings().character_set);
  postoffice::EncapsulatedHeader lines;
  lines.id = state_.id;
  lines.created = state_.created;
  lines.character_set = postoffice_.settings().character_set;
  lines.from = *author_of(header);
  for (const std::size_t place : places) {
    lines.to.push_back(*NativeAddress::parse(state_.recipients[place].address.address));
  }
  // The same at each try, also when others have been served meanwhile.
  const auto first = std::find_if(
      state_.recipients.begin(), state_.recipients.end(), [&](const OutgoingRecipient& one) {
        const auto native = NativeAddress::parse(one.address.address);
        return one.address.type == "CSI" && native && native->postoffice == postoffice;
      });
  PreparedSubmission submission(place_);
  submission.is_encapsulated = true;
  auto envelope =
      wrap_message({.header = lines,
                    .author_name = postoffice::to_utf8(header.from.name, set),
                    .ordinal = static_cast<std::size_t>(first - state_.recipients.begin()) + 1,
                    .content = *(*opened)->file,
                    .key = *key},
                   request(), settings(), place_, submission.content);
  if (!envelope) return failure(envelope.error());
  submission.envelope = std::move(*envelope);
  submission.places = {places};
  return submission;
}

/// user@host; nullopt if it has none, which is its result then.
std::optional<std::string> Preparer::internet_address(std::size_t place) {
  const postoffice::TypedAddress& address = state_.recipients[place].address;
  if (address.type == "SMTP") return address.address;
  const auto native = NativeAddress::parse(address.address);
  auto published = native && address.type == "CSI"
                       ? converter::delivery_address(*native, settings().map)
                       : Expected<std::string>(failure(Outcome::permanent(
                             address.str() + " cannot be reached by Internet mail", "5.1.3")));
  if (published) return *published;
  result_.results.push_back({place, published.error()});
  return std::nullopt;
}

/// What is passed on octet by octet has its envelope in STATE.json.
Outcome Preparer::prepare_internet() {
  auto file = message_.open_content();
  if (!file) return file.error();
  PreparedSubmission submission(place_);
  OutboundEnvelope& envelope = submission.envelope;
  std::string buffer(std::size_t{256} << 10, '\0');
  for (;;) {
    const auto count = (*file)->read(buffer);
    if (!count) return count.error().outcome();
    if (*count == 0) break;
    const std::string_view piece(buffer.data(), *count);
    envelope.is_8bit = envelope.is_8bit || !is_ascii(piece);
    if (auto written = submission.content.write(piece); !written) {
      return written.error().outcome();
    }
  }
  envelope.sender = state_.sender.value_or("");
  envelope.needs_smtputf8 = !is_ascii(envelope.sender);
  for (const std::size_t place : waiting()) {
    auto address = internet_address(place);
    if (!address) continue;
    envelope.needs_smtputf8 = envelope.needs_smtputf8 || !is_ascii(*address);
    envelope.recipients.push_back({std::move(*address), {}, place});
    submission.places.push_back({place});
  }
  envelope.parameters = fmt::format("SIZE={}", submission.content.size());
  if (envelope.is_8bit) envelope.parameters += " BODY=8BITMIME";
  if (envelope.needs_smtputf8) envelope.parameters += " SMTPUTF8";
  result_.submissions.push_back(std::move(submission));
  return Outcome::delivered("ready");
}

}  // namespace

Expected<Preparation> prepare_submissions(const Configuration& configuration,
                                          const postoffice::Postoffice& postoffice,
                                          postoffice::FileSystem& files,
                                          const TakenMessage& message, const OutgoingState& state) {
  return Preparer(configuration, postoffice, files, message, state).run();
}

}  // namespace smtpgate::milter
