// SPDX-License-Identifier: MIT
// How ConnectionImpl learns from a proxy who its client is.
#include "worker/connection/connection_impl.hpp"

#include "worker/connection/data_path.hpp"
#include "worker/io/proxy_header.hpp"

namespace prefork::internal {

namespace {

ProxyHeader public_form(const ProxyPreface& preface) {
  ProxyHeader header;
  header.version = preface.version;
  header.is_local = preface.is_local;
  header.tlvs = preface.tlvs;
  if (preface.destination) {
    PeerAddress destination;
    destination.assign(preface.destination->storage);
    header.destination = destination.text(-1);
  }
  return header;
}

}  // namespace

const ProxyHeader* ConnectionImpl::proxy_header() const noexcept {
  return path_->greeted_ == this ? path_->proxy_header_ : nullptr;
}

// Returns the bytes of the header. It is still awaited afterwards if more of it has to come, or if it was wrong.
std::size_t ConnectionImpl::take_proxy_header(std::string_view bytes) {
  using Found = ProxyPreface::Found;
  ProxyPreface preface = read_proxy_header(bytes);
  if (preface.found == Found::need_more) return 0;
  if (preface.found == Found::none && entrance_->proxy == ProxyProtocol::require) {
    preface.found = Found::bad;
    preface.wrong = "something else";
  }
  if (preface.found == Found::bad) {
    path_->log_bad_header(peer_, preface.wrong);
    close_when_sent(CloseReason::bad_proxy_header);
    return 0;
  }
  PeerAddress client = peer_;
  if (preface.source) client.assign(preface.source->storage);
  if ((preface.source || preface.found == Found::none) && !become(client)) {
    close_when_sent(CloseReason::peer_limit);
    return 0;
  }
  awaits_header_ = false;
  if (preface.found == Found::none) {
    greet();
    return 0;
  }
  const ProxyHeader header = public_form(preface);
  path_->greeted_ = this;
  path_->proxy_header_ = &header;
  greet();
  path_->greeted_ = nullptr;
  return preface.bytes;
}

// Until now it has counted as a connection of the proxy, without limits.
bool ConnectionImpl::become(const PeerAddress& client) noexcept {
  if (!path_->lets_in(client)) return false;
  path_->peers_.leave(peer_, path_->limits_);
  peer_ = client;
  if (Ledger* const ledger = path_->streams_.ledger_of(*this)) ledger->at(fd()).peer = peer_.bytes();
  return true;
}

}  // namespace prefork::internal
