// A message that came whole from another site, in the mailbags it is for (docs/encapsulation.md,
// "The way in"): its recipients here looked up, the file filed as its sender wrote it, handed over
// to SMTP/ for those whom groups and forwards name elsewhere, and a report for those who could not
// be served.
//
// Not for whether to believe it (encapsulated.h has the MAC, milter/unwrapping.h the rest).
//
// Every effect has a key made of the payload's MAC, so that doing it again changes nothing. Safe
// from several threads, processes and hosts at once.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "postoffice/encapsulated.h"
#include "postoffice/outcome.h"
#include "postoffice/outgoing.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// Whether what is encapsulated is one MMFF message from whom the payload names; otherwise why not:
/// permanent, or temporary for the disk.
Expected<void> check_peer_message(const EncapsulatedMessage& message);

struct PeerMail {
  const EncapsulatedMessage* message = nullptr;  ///< check_peer_message() took it
  std::vector<NativeAddress> to;                 ///< those of its recipients who are here
  std::vector<OutgoingRecipient> refused;        ///< others, to be reported together with these
  std::int64_t arrival = 0;                      ///< seconds since 1970
  /// Asked before it is sealed and before each mailbox: no more is begun.
  std::function<bool()> too_late = [] { return false; };
};

/// Delivered: durable for everybody who could be served, and all others reported, to FROM or, for
/// what programs made, to the postmaster here. Temporary: to be done again.
Outcome put_peer_mail(const Postoffice& postoffice, const PeerMail& mail);

}  // namespace smtpgate::postoffice
