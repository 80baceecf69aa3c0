// Folders and clocks, for `smtpgate check`: see the header.
#include "milter/folder_check.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "milter/shadow.h"
#include "postoffice/postoffice.h"
#include "postoffice/store_probe.h"
#include "postoffice/table.h"

namespace smtpgate::milter {

using postoffice::FileKind;
using postoffice::FileSystem;
using postoffice::Postoffice;

namespace {

struct Probe {
  std::string failed;     ///< the sentence; empty if all went well
  std::int64_t time = 0;  ///< what the file system takes for now
};

/// A probe file in `directory`, removed again; `is_store`: all that a postoffice needs is tried.
Probe probe(const std::string& directory, bool is_store) {
  Probe result;
  FileSystem& files = FileSystem::posix();
  const std::string name = fmt::format("{}/.smtpgate-check-{}", directory, ::getpid());
  auto created = files.create(name, 0600);
  if (!created) return {created.error().sentence(), 0};
  if (auto written = (*created)->write("probe\n"); !written) {
    result.failed = written.error().sentence();
  }
  if (result.failed.empty()) {
    if (auto synced = (*created)->sync(); !synced) result.failed = synced.error().sentence();
  }
  struct stat status{};
  if (::stat(name.c_str(), &status) == 0) result.time = status.st_mtime;
  if (result.failed.empty() && is_store) {
    result.failed = postoffice::why_no_store(files, directory).value_or("");
  }
  if (auto removed = files.remove(name); !removed && result.failed.empty()) {
    result.failed = removed.error().sentence();
  }
  return result;
}

/// Our clock against the one of a file system, which may be another machine's.
void check_file_clock(const std::string& directory, const Probe& probe, Findings& findings) {
  constexpr std::int64_t tolerated = 5;  // seconds
  const std::int64_t difference = probe.time - std::time(nullptr);
  if (probe.time == 0 || std::llabs(difference) <= tolerated) return;
  findings.add("clock-differs",
               fmt::format("the clock of the file system of {} is {} {} of ours", directory,
                           postoffice::short_duration(std::llabs(difference)),
                           difference > 0 ? "ahead" : "behind"),
               directory, "let both machines follow a time server (NTP)");
}

void check_space(const Configuration& configuration, const std::string& directory,
                 Findings& findings) {
  struct statvfs status{};
  if (::statvfs(directory.c_str(), &status) != 0) return;  // told by who needs the directory
  const std::uint64_t octets = std::uint64_t{status.f_bavail} * status.f_frsize;
  if (octets < configuration.gateway.free_space) {
    findings.add("space-low",
                 fmt::format("{} has {} free, and {} are asked for", directory,
                             postoffice::short_size(octets),
                             postoffice::short_size(configuration.gateway.free_space)),
                 place_of(configuration, "gateway", "free_space"),
                 "make room (postoffice stats says who has most), or set [gateway] free_space");
  }
  // File systems without a fixed number of files have 0 of 0.
  if (status.f_files > 0 && status.f_favail < configuration.gateway.free_inodes) {
    findings.add("inodes-low",
                 fmt::format("{} has room for {} more files, and {} are asked for", directory,
                             status.f_favail, configuration.gateway.free_inodes),
                 place_of(configuration, "gateway", "free_inodes"),
                 "remove files, or set [gateway] free_inodes");
  }
}

void check_postoffice(const Configuration& configuration, const converter::ServedPostoffice& served,
                      Findings& findings) {
  const std::string name = "postoffice " + served.name.str();
  const auto opened = Postoffice::open(served.directory);
  if (!opened) {
    return findings.add("postoffice-unreadable", name + ": " + opened.error().sentence(),
                        configuration.path,
                        fmt::format("mount or restore it, correct [[postoffice]] path, or make it: "
                                    "postoffice -d {} init --name {}",
                                    shell_word(served.directory), served.name.str()));
  }
  const std::string settings = served.directory + "/GLB/postoffice.toml";
  if (!(opened->settings().name == served.name)) {
    return findings.add(
        "postoffice-other",
        fmt::format("{}: {} says it is {}", name, served.directory, opened->settings().name.str()),
        settings, "correct [[postoffice]] in " + configuration.path);
  }
  if (const auto wrong = why_wrong_kind(configuration, served)) {
    const bool is_shadow = configuration.shadow.enabled;
    return findings.add(is_shadow ? "shadow-missing" : "shadow-as-real",
                        name + ": " + wrong->sentence(), configuration.path,
                        is_shadow
                            ? "smtpgate shadow --prepare"
                            : "rm " + shell_word(served.directory + std::string(shadow_mark)) +
                                  ", if it is to be the real one");
  }
  const Probe probed = probe(opened->path("P1"), true);
  if (!probed.failed.empty()) {
    return findings.add(
        "postoffice-unwritable", name + ": " + probed.failed, opened->path("P1"),
        fmt::format("run the check as root or the gateway's user; postoffice -d {} check --repair "
                    "mends owners and modes; the file system must have hard links and locks",
                    shell_word(served.directory)));
  }
  const auto mailboxes = opened->list_mailboxes();
  if (!mailboxes) {
    return findings.add("postoffice-unreadable", name + ": " + mailboxes.error().sentence(),
                        opened->path("MBG"),
                        "postoffice -d " + shell_word(served.directory) + " check");
  }
  findings.ok(fmt::format("{} in {}: {} mailbox{}", name, served.directory, mailboxes->size(),
                          mailboxes->size() == 1 ? "" : "es"));
  check_file_clock(served.directory, probed, findings);
  check_space(configuration, served.directory, findings);
}

}  // namespace

void check_work(const Configuration& configuration, Findings& findings) {
  const std::string& work = configuration.gateway.work;
  const std::string place = place_of(configuration, "gateway", "work");
  const std::string& user = configuration.gateway.user;
  const std::string remedy =
      fmt::format("install -d -m 0700 {}{}", user.empty() ? "" : "-o " + shell_word(user) + " ",
                  shell_word(work));
  const auto status = FileSystem::posix().status(work);
  if (!status) return findings.add("work-missing", status.error().sentence(), place, remedy);
  if (status->kind != FileKind::directory) {
    return findings.add("work-missing", work + " is no directory", place,
                        "remove it, then " + remedy);
  }
  if ((status->mode & 0077) != 0) {
    findings.add(
        "work-open",
        fmt::format("{} has mode {:04o}, so others can look at mail in it", work, status->mode),
        place, "chmod 0700 " + shell_word(work));
  }
  const Probe probed = probe(work, false);
  if (!probed.failed.empty()) {
    return findings.add("work-unwritable", probed.failed, place,
                        "run the check as root or the gateway's user; " + remedy);
  }
  findings.ok("the work directory " + work + " can be written");
  check_space(configuration, work, findings);
}

void check_clock(const Configuration& configuration, Findings& findings) {
  constexpr std::int64_t before_this_was_written = 1'793'491'200;  // 2026-11-01
  constexpr std::int64_t tolerated = 300;                          // seconds
  const std::int64_t now = std::time(nullptr);
  if (now < before_this_was_written) {
    return findings.add("clock-wrong", "the clock says a time before this program was made",
                        "the system's clock", "set it, and let it follow a time server (NTP)");
  }
  for (const converter::ServedPostoffice& served : configuration.converter.postoffices) {
    for (const char* part : {"GLB", "SMTP", "P1", "MBG"}) {
      const std::string directory = served.directory + "/" + part;
      struct stat status{};
      if (::stat(directory.c_str(), &status) != 0 || status.st_mtime <= now + tolerated) continue;
      return findings.add(
          "clock-wrong",
          fmt::format("{} was changed {} from now: the clock was set back, or another host's is "
                      "ahead",
                      directory, postoffice::short_duration(status.st_mtime - now)),
          directory, "let all machines follow a time server (NTP)");
    }
  }
}

void check_postoffices(const Configuration& configuration, Findings& findings) {
  for (const converter::ServedPostoffice& served : configuration.converter.postoffices) {
    check_postoffice(configuration, served, findings);
  }
}

void check_records(const Configuration& configuration, Findings& findings) {
  const std::string& path = configuration.gateway.records;
  if (path.empty()) return;
  const std::string place = place_of(configuration, "gateway", "records");
  const std::string directory = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  const std::string remedy =
      fmt::format("let {} write it: a folder of its own that logrotate knows, or no records",
                  configuration.gateway.user.empty() ? "the daemon" : configuration.gateway.user);
  const auto status = FileSystem::posix().status(path);
  if (!status && status.error().code == ENOENT) {
    const Probe probed = probe(directory, false);
    if (probed.failed.empty()) return findings.ok("the records can be made in " + directory);
    return findings.add("records-unwritable", probed.failed, place, remedy);
  }
  if (!status) return findings.add("records-unwritable", status.error().sentence(), place, remedy);
  if (status->kind != FileKind::regular) {
    return findings.add("records-unwritable", path + " is no regular file", place,
                        "move it away, or name another file");
  }
  if (::access(path.c_str(), W_OK) != 0) {
    return findings.add("records-unwritable",
                        fmt::format("cannot write {}: {}", path, std::strerror(errno)), place,
                        remedy);
  }
  findings.ok("the records file " + path + " can be written");
}

void check_shared_domains(const converter::ConverterSettings& settings, Findings& findings) {
  std::set<std::string> domains;
  for (const auto& entry : settings.map.entries()) {
    if (settings.map.is_shared(entry.domain)) domains.insert(entry.domain);
  }
  for (const std::string& domain : domains) {
    std::map<std::string, std::string> whose;  // mailbox to the first postoffice that has it
    std::vector<std::string> clashes;
    std::set<std::string> decided;
    for (const auto* entry : settings.map.find_all(domain)) {
      for (const converter::ServedPostoffice& served : settings.postoffices) {
        if (!(served.name == entry->postoffice)) continue;
        const auto opened = Postoffice::open(served.directory);
        if (!opened) continue;  // told already
        for (const auto& alias :
             opened->list_aliases().value_or(std::vector<Postoffice::Alias>())) {
          decided.insert(postoffice::fold_mailbox_name(alias.name));
        }
        for (const std::string& name :
             opened->list_mailboxes().value_or(std::vector<std::string>())) {
          if (name == "postmaster") continue;
          const auto [first, is_new] = whose.emplace(name, served.name.str());
          if (!is_new) clashes.push_back(name);
        }
      }
    }
    std::erase_if(clashes, [&](const std::string& name) {
      return decided.contains(postoffice::fold_mailbox_name(name + "@" + domain));
    });
    if (clashes.empty()) continue;
    constexpr std::size_t most_named = 10;
    const std::size_t count = clashes.size();
    clashes.resize(std::min(count, most_named));
    findings.add(
        "names-shared",
        fmt::format("{}: {} name{} more than one of its postoffices ({}{})", domain, count,
                    count == 1 ? " is in" : "s are in", fmt::join(clashes, ", "),
                    count > most_named ? ", ..." : ""),
        domain,
        fmt::format("postoffice -d DIR mailbox set NAME --alias NAME@{}, for whom it is", domain));
  }
}

}  // namespace smtpgate::milter
