// libmilter's callbacks: see the header. Each takes "no session" and "no transaction" as ordinary
// (Postfix aborts often, and a health check connects and leaves), and none lets an exception into
// libmilter's C code.
#include "milter/milter_door.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter/local_socket.h"
#include "milter/read_ahead.h"

/// libmilter's signal thread waits for TERM, INT and HUP, and takes one that is pending when its
/// wait begins although the main thread has handlers for them; its own way to end then takes up to
/// five seconds. Its call finds this function first, so it never gets one (daemon.cpp has the
/// signals). Nothing else in the program calls sigwait().
extern "C" int sigwait(const sigset_t* /*signals*/, int* /*signal*/) {
  for (;;) ::pause();
}

namespace smtpgate::milter {

namespace {

MilterDoor* the_door = nullptr;

/// What libmilter keeps for us with each connection.
struct Connection {
  explicit Connection(MilterDoor& owner) : door(owner), session(owner.services()) {
    if (MessageObserver* observer = door.services().observer) observer->session_began();
  }
  ~Connection() {
    note_content(false);
    if (MessageObserver* observer = door.services().observer) observer->session_ended();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void note_content(bool receiving) {
    if (receiving && !content) content.emplace(door.work_in_hand());
    if (!receiving) content.reset();
  }

  MilterDoor& door;
  MilterSession session;
  unsigned long steps = 0;  ///< as negotiated
  std::optional<WorkInHand::Unit> content;
};

Connection* connection_of(SMFICTX* context) {
  return context == nullptr ? nullptr : static_cast<Connection*>(smfi_getpriv(context));
}

/// The connection, made now if this is the first callback that needs it; nullptr if there is no
/// memory.
Connection* make_connection(SMFICTX* context) {
  if (Connection* known = connection_of(context)) return known;
  if (context == nullptr || the_door == nullptr) return nullptr;
  auto fresh = std::unique_ptr<Connection>(new (std::nothrow) Connection(*the_door));
  if (!fresh || smfi_setpriv(context, fresh.get()) != MI_SUCCESS) return nullptr;
  return fresh.release();  // owned by the context until close
}

/// Runs `work` on the connection as work in hand. Exceptions end here: the worst they cost is the
/// claim of this message.
template <typename Work>
void with_connection(Connection* connection, Work work) {
  if (connection == nullptr) return;
  const WorkInHand::Unit unit(connection->door.work_in_hand());
  try {
    work(*connection);
  } catch (const std::exception& exception) {
    connection->session.abort();
    connection->door.services().log->error(std::string("a milter callback broke off: ") +
                                           exception.what());
  }
  connection->note_content(connection->session.receiving_content());
}

/// CONTINUE, or nothing at all where it was agreed that no reply comes.
sfsistat go_on(const Connection* connection, unsigned long no_reply_step) {
  const bool silent = connection != nullptr && (connection->steps & no_reply_step) != 0;
  return silent ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

std::optional<std::string> macro(SMFICTX* context, std::string name) {
  const char* value = smfi_getsymval(context, name.data());  // takes char*, changes nothing
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

std::vector<std::string> words_after_first(char** arguments) {
  std::vector<std::string> result;
  if (arguments == nullptr || arguments[0] == nullptr) return result;
  for (char** word = arguments + 1; *word != nullptr; ++word) result.emplace_back(*word);
  return result;
}

std::string text_of(const sockaddr* address) {
  if (address == nullptr) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  }
  return text.data();
}

bool is_shadow(SMFICTX* context) {
  const Connection* connection = connection_of(context);
  return connection != nullptr && connection->door.services().is_shadow;
}

sfsistat on_negotiate(SMFICTX* context, unsigned long actions, unsigned long steps, unsigned long,
                      unsigned long, unsigned long* our_actions, unsigned long* our_steps,
                      unsigned long* reserved_2, unsigned long* reserved_3) {
  *reserved_2 = 0;
  *reserved_3 = 0;
  // A shadow does not even ask for the right to change an envelope: libmilter lets it not try.
  const bool shadow = the_door != nullptr && the_door->services().is_shadow;
  const unsigned long right = shadow ? 0 : SMFIF_DELRCPT;
  // Without DELRCPT nothing can be claimed, and without a claim there is nothing to do here.
  if ((actions & right) != right) return SMFIS_REJECT;
  *our_actions = right | (actions & SMFIF_SETSYMLIST);
  *our_steps = steps & (SMFIP_NOHELO | SMFIP_NOUNKNOWN | SMFIP_NR_CONN | SMFIP_NR_MAIL |
                        SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY | SMFIP_HDR_LEADSPC);
  if ((actions & SMFIF_SETSYMLIST) != 0) {
    const auto ask = [context](int stage, std::string names) {
      return smfi_setsymlist(context, stage, names.data());
    };
    ask(SMFIM_ENVFROM, "i {mail_addr} {auth_authen}");
    ask(SMFIM_ENVRCPT, "i {rcpt_mailer} {rcpt_host} {rcpt_addr}");
    ask(SMFIM_DATA, "i");
    ask(SMFIM_EOM, "i");
  }
  Connection* connection = make_connection(context);
  if (connection == nullptr) return SMFIS_REJECT;
  connection->steps = *our_steps;
  return SMFIS_CONTINUE;
}

sfsistat on_connect(SMFICTX* context, char* host_name, _SOCK_ADDR* address) {
  Connection* connection = make_connection(context);
  with_connection(connection, [&](Connection& one) {
    one.session.connected(host_name == nullptr ? "" : host_name, text_of(address));
  });
  return go_on(connection, SMFIP_NR_CONN);
}

sfsistat on_mail(SMFICTX* context, char** arguments) {
  Connection* connection = make_connection(context);
  with_connection(connection, [&](Connection& one) {
    if (arguments == nullptr || arguments[0] == nullptr) return one.session.abort();
    one.session.mail_from(
        arguments[0], words_after_first(arguments),
        {macro(context, "{mail_addr}"), macro(context, "{auth_authen}").value_or("")});
  });
  return go_on(connection, SMFIP_NR_MAIL);
}

sfsistat on_recipient(SMFICTX* context, char** arguments) {
  std::optional<RecipientReply> reply;
  with_connection(connection_of(context), [&](Connection& one) {
    if (arguments == nullptr || arguments[0] == nullptr) return;
    reply = one.session.recipient(
        arguments[0], words_after_first(arguments),
        {macro(context, "{rcpt_mailer}").value_or(""), macro(context, "{rcpt_addr}")},
        macro(context, "i").value_or(""));
  });
  if (!reply || is_shadow(context)) return SMFIS_CONTINUE;
  // The text is a format to Postfix, as it was to sendmail: a single % vanishes with what follows.
  std::string text;
  for (const char c : reply->text) text.append(c == '%' ? 2 : 1, c);
  smfi_setreply(context, reply->code.data(), reply->status.data(), text.data());
  return reply->code.front() == '5' ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

sfsistat on_data(SMFICTX* context) {
  bool wanted = false;
  with_connection(connection_of(context), [&](Connection& one) {
    wanted = one.session.wants_content(macro(context, "i").value_or(""));
  });
  // ACCEPT here spares Postfix from sending the content.
  return wanted ? SMFIS_CONTINUE : SMFIS_ACCEPT;
}

sfsistat on_header(SMFICTX* context, char* name, char* value) {
  Connection* connection = connection_of(context);
  with_connection(connection, [&](Connection& one) {
    if (name == nullptr || value == nullptr) return;
    if ((one.steps & SMFIP_HDR_LEADSPC) != 0) return one.session.header(name, value);
    one.session.header(name, std::string(" ") + value);  // the MTA ate the blank
  });
  return go_on(connection, SMFIP_NR_HDR);
}

sfsistat on_end_of_headers(SMFICTX* context) {
  Connection* connection = connection_of(context);
  with_connection(connection, [](Connection& one) { one.session.end_of_headers(); });
  return go_on(connection, SMFIP_NR_EOH);
}

sfsistat on_body(SMFICTX* context, unsigned char* piece, size_t size) {
  Connection* connection = connection_of(context);
  with_connection(connection, [&](Connection& one) {
    if (piece != nullptr) one.session.body({reinterpret_cast<const char*>(piece), size});
  });
  return go_on(connection, SMFIP_NR_BODY);
}

sfsistat on_end_of_message(SMFICTX* context) {
  sfsistat answer = SMFIS_CONTINUE;
  with_connection(connection_of(context), [&](Connection& one) {
    const auto said = one.session.end_of_message(
        macro(context, "i").value_or(""), [context](const std::string& path) {
          if (is_shadow(context)) return true;  // what would have been; Postfix hears nothing
          std::string copy = path;
          return smfi_delrcpt(context, copy.data()) == MI_SUCCESS;
        });
    if (said == MilterSession::Answer::discard && !is_shadow(context)) answer = SMFIS_DISCARD;
  });
  return answer;
}

sfsistat on_abort(SMFICTX* context) {
  with_connection(connection_of(context), [](Connection& one) { one.session.abort(); });
  return SMFIS_CONTINUE;
}

sfsistat on_close(SMFICTX* context) {
  if (Connection* connection = connection_of(context)) {
    smfi_setpriv(context, nullptr);
    const std::unique_ptr<Connection> last(connection);
  }
  return SMFIS_CONTINUE;
}

/// Whether somebody answers on the socket at `path`.
bool is_served(const std::string& path) {
  return LocalSocket::connect(LocalSocket::Kind::stream, path, std::chrono::seconds(10))
      .has_value();
}

tl::unexpected<std::string> cannot(std::string_view what, const std::string& path,
                                   std::string_view advice) {
  return tl::unexpected(
      fmt::format("cannot {} the socket {}: {}; {}", what, path, std::strerror(errno), advice));
}

}  // namespace

MilterDoor::MilterDoor(SessionServices services) : services_(std::move(services)) {
  the_door = this;
}

MilterDoor::~MilterDoor() {
  the_door = nullptr;
}

tl::expected<void, std::string> MilterDoor::open(const MilterSettings& settings) {
  if (is_served(settings.socket)) {
    return tl::unexpected("somebody serves " + settings.socket +
                          " already; stop the other smtpgate first");
  }
  smfiDesc description{};
  std::string name = "smtpgate";
  description.xxfi_name = name.data();
  description.xxfi_version = SMFI_VERSION;
  description.xxfi_flags = SMFIF_DELRCPT;
  description.xxfi_connect = on_connect;
  description.xxfi_envfrom = on_mail;
  description.xxfi_envrcpt = on_recipient;
  description.xxfi_header = on_header;
  description.xxfi_eoh = on_end_of_headers;
  description.xxfi_body = on_body;
  description.xxfi_eom = on_end_of_message;
  description.xxfi_abort = on_abort;
  description.xxfi_close = on_close;
  description.xxfi_data = on_data;
  description.xxfi_negotiate = on_negotiate;
  std::string connection = "unix:" + settings.socket;
  if (smfi_register(description) != MI_SUCCESS || smfi_setconn(connection.data()) != MI_SUCCESS) {
    return tl::unexpected("libmilter does not take " + connection);
  }
  smfi_setbacklog(512);
  // Nobody may connect between the socket's birth and its right mode.
  const mode_t old_mask = ::umask(0177);
  const bool opened = smfi_opensocket(true) == MI_SUCCESS;
  ::umask(old_mask);
  if (!opened) {
    return cannot("make", settings.socket,
                  "its directory must exist and be writable for the gateway's user");
  }
  socket_path_ = settings.socket;
  if (!settings.socket_group.empty()) {
    errno = 0;
    const group* group = ::getgrnam(settings.socket_group.c_str());
    if (group == nullptr) {
      return tl::unexpected("socket_group: there is no group " + settings.socket_group);
    }
    if (::chown(settings.socket.c_str(), static_cast<uid_t>(-1), group->gr_gid) != 0) {
      return cannot("give to group " + settings.socket_group, settings.socket,
                    "make the gateway's user a member of that group");
    }
  }
  if (::chmod(settings.socket.c_str(), settings.socket_mode) != 0) {
    return cannot("set the mode of", settings.socket, "look at its directory");
  }
  return {};
}

bool MilterDoor::run() {
  const AcceptingForMilter here;
  return smfi_main() == MI_SUCCESS;
}

void MilterDoor::remove_socket() {
  if (!socket_path_.empty()) ::unlink(socket_path_.c_str());
  socket_path_.clear();
}

}  // namespace smtpgate::milter
