// Takes a container apart while its octets pass: what is inside becomes attachments of its own, and
// perhaps the message's text. One class for each kind of container, chosen here. Not for the
// container itself, which stays the attachment that it is (inbound_assembler.h), or for files in
// texts.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/container_limits.h"
#include "converter/embedded_files.h"
#include "converter/inbound.h"
#include "converter/leaf_plan.h"
#include "converter/mime_parameters.h"
#include "converter/spool.h"
#include "converter/substitute_text.h"

namespace smtpgate::converter {

/// What expansions of one message work with; all outlive them.
struct ExpansionContext {
  const TargetFormat& target;
  const ContainerLimits& limits;
  const SpoolPlace& place;
  EmbeddedFileHandler& files;
  SubstituteText& substitute;
  std::string name;  ///< of the container, as it is attached
};

class LeafExpansion {
 public:
  virtual ~LeafExpansion() = default;
  /// Octets without their transfer encoding, in pieces of any size.
  virtual void feed(std::string_view octets) = 0;
  virtual void finish() = 0;
  /// Its first octets say that it is no container: the rest need not come.
  virtual bool is_over() const { return false; }

  /// For the container, after finish(): "expanded" and what was wrong with it.
  virtual std::vector<std::string> marks() const = 0;
  /// The name that the container tells for its file, UTF-8; after finish().
  virtual std::string real_name() const { return {}; }
  virtual const std::optional<postoffice::FileError>& error() const { return no_error_; }

 private:
  std::optional<postoffice::FileError> no_error_;
};

/// nullptr for an attachment that is no container. `is_named_late`: its name comes behind its
/// octets, so a TNEF is not opened here (late_tnef.h).
std::unique_ptr<LeafExpansion> make_leaf_expansion(const ContentType& type,
                                                   const PartDescription& description,
                                                   const ExpansionContext& context,
                                                   bool is_named_late);

}  // namespace smtpgate::converter
