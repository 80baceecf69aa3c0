// `smtpgate serve`: the process around door 1. Start, signals, reload, house-keeping of work that
// dead processes left, and an end that cuts nothing off. Stays in the foreground, as systemd and
// people at a terminal want it.
//
//   SIGTERM, SIGINT   finish what is in hand, then leave at once
//   SIGHUP, SIGUSR1   read the configuration again (the last good one stays if it is wrong), open
//                     the log file anew
//
// A service manager is told when it is ready, reading its configuration, stopping, and whether it
// is alive (service_manager.h, watchdog.h).
#pragma once

#include <string>

namespace smtpgate::milter {

/// Runs until told to stop. Errors of the start go to standard error as well. Returns a sysexits.h
/// code; after serving it does not return but ends the process, because libmilter's threads cannot
/// be joined.
int serve(const std::string& configuration_path);

}  // namespace smtpgate::milter
