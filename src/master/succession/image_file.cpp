// SPDX-License-Identifier: MIT
#include "master/succession/image_file.hpp"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "base/process_facts.hpp"

namespace preforkd {
namespace {

constexpr std::array<char, 8> magic = {'p', 'r', 'e', 'f', 'o', 'r', 'k', 'd'};
constexpr std::uint64_t layout_version = 1;
constexpr std::uint64_t page = 4096;
constexpr std::uint64_t slack = 16 * page;  // a log of this size is never too long
constexpr std::uint64_t max_bytes = std::uint64_t{256} << 20;
constexpr std::uint32_t erased = UINT32_MAX;  // instead of a record's length

struct Header {
  std::array<char, 8> magic{};
  std::uint64_t version = 0;
  std::array<char, 40> boot{};
  std::uint64_t begin = 0;  // of the log
};
static_assert(sizeof(Header) <= page);

struct BlockHead {
  std::uint64_t length = 0;
  std::uint64_t checksum = 0;
};

struct RecordHead {
  RecordType type{};
  std::uint32_t length = 0;
  std::uint64_t key = 0;
};

// FNV-1a.
std::uint64_t checksum(std::string_view bytes) noexcept {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (const char byte : bytes) sum = (sum ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return sum;
}

std::array<char, 40> this_boot() {
  std::array<char, 40> boot{};
  const std::string id = read_kernel_file("/proc/sys/kernel/random/boot_id");
  id.copy(boot.data(), boot.size());
  return boot;
}

template <class T>
void append_plain(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_record(std::string& bytes, const ImageFile::Key& key, std::string_view record) {
  append_plain(bytes, RecordHead{key.first, static_cast<std::uint32_t>(record.size()), key.second});
  bytes += record;
}

template <class T>
bool take_plain(std::string_view& bytes, T& value) noexcept {
  if (bytes.size() < sizeof value) return false;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return true;
}

// False for a block that is not whole.
bool take_block(std::string_view& log, std::string_view& block) {
  BlockHead head;
  if (!take_plain(log, head) || head.length == 0 || head.length > log.size()) return false;
  block = log.substr(0, head.length);
  log.remove_prefix(head.length);
  return checksum(block) == head.checksum;
}

bool apply(std::string_view block, ImageFile::Records& records) {
  while (!block.empty()) {
    RecordHead head;
    if (!take_plain(block, head)) return false;
    if (head.length == erased) {
      records.erase({head.type, head.key});
      continue;
    }
    if (head.length > block.size()) return false;
    records[{head.type, head.key}] = block.substr(0, head.length);
    block.remove_prefix(head.length);
  }
  return true;
}

bool write_whole(int fd, std::string_view bytes, std::uint64_t at) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
    at += static_cast<std::uint64_t>(written);
  }
  return true;
}

Result<std::string> read_whole(int fd, std::uint64_t at) {
  struct stat there {};
  if (fstat(fd, &there) != 0) return os_failure(errno);
  const auto size = static_cast<std::uint64_t>(there.st_size);
  if (!S_ISREG(there.st_mode) || at > size || size - at > max_bytes) return Failure("it has a wrong size");
  std::string bytes(size - at, '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_failure(errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

std::string block_of(std::string_view records) {
  std::string block;
  block.reserve(sizeof(BlockHead) + records.size());
  append_plain(block, BlockHead{records.size(), checksum(records)});
  block += records;
  return block;
}

// Returns the end of the last whole block.
Result<std::uint64_t> read_log(int fd, ImageFile::Records& records) {
  Header header;
  const ssize_t got = pread(fd, &header, sizeof header, 0);
  if (got != ssize_t{sizeof header} || header.magic != magic) return Failure("it is not an image of a pool");
  if (header.version != layout_version)
    return Failure("it has version " + std::to_string(header.version) + ", and this preforkd reads version " +
                   std::to_string(layout_version));
  if (header.boot != this_boot()) return Failure("it is of an earlier boot");
  const Result<std::string> log = read_whole(fd, header.begin);
  if (!log) return Failure(log.error());
  std::string_view rest = *log;
  std::string_view block;
  std::uint64_t end = header.begin;
  while (take_block(rest, block)) {
    if (!apply(block, records)) return Failure("it is damaged");
    end += sizeof(BlockHead) + block.size();
  }
  return end;
}

}  // namespace

ImageFile::ImageFile() : file_(memfd_create("preforkd-image", MFD_CLOEXEC)), begin_(page), end_(page) {
  const Header header{magic, layout_version, this_boot(), begin_};
  std::string bytes;
  append_plain(bytes, header);
  bytes.resize(page);
  if (!file_ || !write_whole(file_.get(), bytes, 0))
    throw std::runtime_error("cannot make an image of the pool: " + errno_text(errno));
}

void ImageFile::put(RecordType type, std::uint64_t key, std::string bytes) {
  const auto known = records_.find({type, key});
  if (known != records_.end() && known->second == bytes) return;
  append_record(changes_, {type, key}, bytes);
  held_ += bytes.size() + sizeof(RecordHead);
  if (known == records_.end()) {
    records_.emplace(Key{type, key}, std::move(bytes));
  } else {
    held_ -= known->second.size() + sizeof(RecordHead);
    known->second = std::move(bytes);
  }
}

void ImageFile::erase(RecordType type, std::uint64_t key) {
  const auto known = records_.find({type, key});
  if (known == records_.end()) return;
  held_ -= known->second.size() + sizeof(RecordHead);
  records_.erase(known);
  append_plain(changes_, RecordHead{type, erased, key});
}

bool ImageFile::commit() {
  if (failed_) return false;
  if (changes_.empty()) return true;
  const bool written = append(changes_) && (end_ - begin_ <= 2 * held_ + slack || compact());
  changes_.clear();
  if (written) return true;
  failed_ = true;
  [[maybe_unused]] const int emptied = ftruncate(file_.get(), 0);
  return false;
}

bool ImageFile::append(const std::string& records) {
  const std::string block = block_of(records);
  if (!write_whole(file_.get(), block, end_)) return false;
  end_ += block.size();
  return true;
}

// Before the present log if there is room, so that the file does not grow for ever (RLIMIT_FSIZE). A reader stops at
// the zeros behind it.
bool ImageFile::compact() {
  std::string all;
  all.reserve(held_);
  for (const auto& [key, bytes] : records_) append_record(all, key, bytes);
  const std::uint64_t free_until = begin_ / page * page;
  const bool fits_before = page + all.size() + 2 * sizeof(BlockHead) <= free_until;
  const std::uint64_t begin = fits_before ? page : end_;
  if (fits_before) end_ = begin;
  if (!append(all)) return false;
  std::string place;
  append_plain(place, begin);
  if (!write_whole(file_.get(), place, offsetof(Header, begin))) return false;
  begin_ = begin;
  if (fits_before) return ftruncate(file_.get(), static_cast<off_t>(end_)) == 0;
  // If that fails, the memory stays used.
  const std::uint64_t before = begin / page * page;
  static_cast<void>(fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off_t{page},
                              static_cast<off_t>(before - page)));
  return true;
}

Result<ImageFile::Records> ImageFile::read(int fd) {
  constexpr int tries = 3;  // its writer may live, and begin another log meanwhile
  for (int turn = 0; turn < tries; ++turn) {
    Records records;
    const Result<std::uint64_t> end = read_log(fd, records);
    if (!end) return Failure(end.error());
    if (!records.empty()) return records;
  }
  return Failure("it is empty");
}

void ImageFile::amend(int fd, const Key& key, std::string_view bytes) {
  Records records;
  const Result<std::uint64_t> end = read_log(fd, records);
  std::string change;
  append_record(change, key, bytes);
  if (end) static_cast<void>(write_whole(fd, block_of(change), *end));
}

}  // namespace preforkd
