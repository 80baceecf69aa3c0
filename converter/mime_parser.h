// The streaming MIME parser: octets in, in pieces of any size; entities out, as events. It knows
// header blocks and multipart boundaries and nothing else: no decoding, no policy
// (inbound_assembler.cpp has that).
//
// Memory: the open entities (bounded by limits) and one header line; bodies pass through. Time:
// linear whatever the sender does: a line that may be a boundary is one look-up among the open
// ones. Input lines end in CRLF (CrlfNormalizer makes them so).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "converter/header_field.h"
#include "converter/mime_parameters.h"

namespace smtpgate::converter {

struct ParserLimits {
  unsigned depth = 100;     ///< nested multiparts
  unsigned parts = 10'000;  ///< entities of a message: itself, multiparts and leaves
  std::uint64_t header_octets = std::uint64_t{50} << 20;  ///< of all header blocks together
  unsigned header_fields = 100'000;                       ///< of all header blocks together
};

enum class LimitBroken { none, depth, parts, header_octets, header_fields };

/// What the parser says of an entity when its header is complete.
struct EntityStart {
  const HeaderFields& header;
  const ContentType& content_type;
  unsigned depth;        ///< 0: the message itself
  unsigned child_index;  ///< 0 for the first part of its multipart
  bool is_multipart;     ///< multipart with a usable boundary: its parts follow as entities
  /// The header block ended at a line that is no field (the body begins with it) or at a boundary,
  /// not at a blank line. The end of the message in a header is no such cut.
  bool header_cut;
  /// A line without a field name was taken as the rest of the field before it, whose value has it
  /// as a further line; or `stray` is not empty.
  bool header_mended;
  /// Whole lines in the header that are neither fields nor the rest of one.
  std::string_view stray;
  /// Among all octets fed to the parser: where the header block begins, and where the body does.
  /// The body() pieces of a leaf are the input's octets from `body_offset` on, without a gap, and
  /// the raw() pieces of an entity those from `offset` on; so they can be found again.
  std::uint64_t offset;
  std::uint64_t body_offset;
};

/// Receives events in the order of the octets. For a leaf: begin, body pieces, end. For a
/// multipart: begin, preamble pieces, each part's events, epilogue pieces, end. `raw` events repeat
/// every octet of the entity (header and body, without the line end that belongs to the boundary)
/// for entities whose begin_entity() answered true for wants_raw: how a signed entity is kept.
class EntityHandler {
 public:
  virtual ~EntityHandler() = default;
  virtual void begin_entity(const EntityStart& entity) = 0;
  /// Body octets of the innermost open entity (a leaf), still transfer-encoded.
  virtual void body(std::string_view piece) = 0;
  /// Octets of the innermost open multipart outside its parts: before the first (`after_parts`
  /// false) or after the close-delimiter.
  virtual void between(std::string_view piece, bool after_parts) = 0;
  /// `closed`: a leaf by a boundary (or, for the message itself, by the end), a multipart by its
  /// close-delimiter. False: the message ended inside it, or a boundary of an outer multipart came.
  virtual void end_entity(bool closed) = 0;
  /// Asked before the header of a child of a multipart is read: true to get raw() for that child,
  /// from its first header octet (before its begin_entity()) to its end. Not asked inside an entity
  /// whose raw() is running: it has those octets already.
  virtual bool wants_raw(unsigned child_index) = 0;
  virtual void raw(std::string_view piece) = 0;
};

class MimeParser {
 public:
  /// `handler` outlives the parser.
  MimeParser(EntityHandler& handler, const ParserLimits& limits);
  ~MimeParser();

  /// Does nothing once a limit is broken; open entities then get no end_entity().
  void feed(std::string_view piece);
  void finish();
  LimitBroken limit_broken() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Makes every bare LF a CRLF, in pieces; leaves bare CR alone. Text that is CRLF already passes
/// without a copy.
class CrlfNormalizer {
 public:
  /// A view of `piece` or of the object's own buffer, valid until the next call.
  std::string_view feed(std::string_view piece);

 private:
  bool after_cr_ = false;
  std::string buffer_;
};

}  // namespace smtpgate::converter
