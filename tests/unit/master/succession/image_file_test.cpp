// SPDX-License-Identifier: MIT
#include "master/succession/image_file.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>

#include <gtest/gtest.h>

#include "base/unique_fd.hpp"

namespace preforkd {
namespace {

using Records = ImageFile::Records;

constexpr RecordType first_type{1};
constexpr RecordType second_type{2};
constexpr RecordType absent_type{3};

Records read(const ImageFile& image) {
  Result<Records> records = ImageFile::read(image.fd());
  EXPECT_TRUE(records) << records.error().text;
  return records ? std::move(*records) : Records{};
}

std::string contents(int fd) {
  struct stat there {};
  EXPECT_EQ(fstat(fd, &there), 0);
  std::string bytes(static_cast<std::size_t>(there.st_size), '\0');
  EXPECT_EQ(pread(fd, bytes.data(), bytes.size(), 0), there.st_size);
  return bytes;
}

UniqueFd file_of(std::string_view bytes) {
  UniqueFd file(memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return file;
}

std::string refusal(std::string_view bytes) {
  const UniqueFd file = file_of(bytes);
  const Result<Records> records = ImageFile::read(file.get());
  return records ? "" : records.error().text;
}

std::int64_t allocated(int fd) {
  struct stat there {};
  EXPECT_EQ(fstat(fd, &there), 0);
  return there.st_blocks * 512;
}

TEST(ImageFile, holds_what_was_put_last) {
  ImageFile image;
  image.put(first_type, 7, "seven");
  image.put(second_type, 7, "another type");
  image.put(first_type, 8, "");
  ASSERT_TRUE(image.commit());
  EXPECT_EQ(read(image),
            (Records{{{first_type, 7}, "seven"}, {{second_type, 7}, "another type"}, {{first_type, 8}, ""}}));
  image.put(first_type, 7, "changed");
  image.erase(second_type, 7);
  image.erase(absent_type, 3);
  ASSERT_TRUE(image.commit());
  EXPECT_EQ(read(image), (Records{{{first_type, 7}, "changed"}, {{first_type, 8}, ""}}));
}

TEST(ImageFile, shows_nothing_before_the_commit) {
  ImageFile image;
  image.put(first_type, 1, "a");
  ASSERT_TRUE(image.commit());
  image.put(first_type, 1, "b");
  EXPECT_EQ(read(image), (Records{{{first_type, 1}, "a"}}));
}

TEST(ImageFile, writes_nothing_that_has_not_changed) {
  ImageFile image;
  image.put(first_type, 1, "a");
  ASSERT_TRUE(image.commit());
  const std::string before = contents(image.fd());
  image.put(first_type, 1, "a");
  ASSERT_TRUE(image.commit());
  EXPECT_EQ(contents(image.fd()), before);
}

// A thousand records of which one changes at a time: the log is written again from time to time, and the memory of the
// old one is given back.
TEST(ImageFile, does_not_grow_with_the_number_of_changes) {
  ImageFile image;
  Records expected;
  for (std::uint64_t key = 0; key < 1000; ++key) {
    expected[{first_type, key}] = std::string(200, 'a');
    image.put(first_type, key, std::string(200, 'a'));
  }
  ASSERT_TRUE(image.commit());
  for (std::uint64_t turn = 0; turn < 20'000; ++turn) {
    std::string bytes = std::to_string(turn) + std::string(200, 'b');
    expected[{first_type, turn % 1000}] = bytes;
    image.put(first_type, turn % 1000, std::move(bytes));
    ASSERT_TRUE(image.commit());
  }
  EXPECT_EQ(read(image), expected);
  EXPECT_LT(allocated(image.fd()), 1'000'000);
  EXPECT_LT(contents(image.fd()).size(), 2'000'000U) << "RLIMIT_FSIZE";
}

// Whatever was written of the last blocks, a reader finds the state of some commit.
TEST(ImageFile, is_whole_wherever_its_writer_died) {
  ImageFile image;
  image.put(first_type, 1, "first");
  image.put(first_type, 2, "first");
  ASSERT_TRUE(image.commit());
  const std::string before = contents(image.fd());
  image.put(first_type, 1, "second");
  image.erase(first_type, 2);
  image.put(first_type, 3, "second");
  ASSERT_TRUE(image.commit());
  const std::string after = contents(image.fd());
  for (std::size_t size = before.size(); size < after.size(); ++size) {
    for (const std::size_t room : {size, after.size()}) {  // the file's size may be ahead of what is written
      std::string torn = after.substr(0, size);
      torn.resize(room);
      const UniqueFd file = file_of(torn);
      const Result<Records> records = ImageFile::read(file.get());
      ASSERT_TRUE(records) << size;
      ASSERT_EQ(*records, (Records{{{first_type, 1}, "first"}, {{first_type, 2}, "first"}})) << size;
    }
  }
}

// Two records always have the same value at a commit. The writer is killed at any instruction of it.
TEST(ImageFile, is_whole_after_kill_9) {
  for (int turn = 0; turn < 100; ++turn) {
    ImageFile image;
    for (const std::uint64_t key : {1U, 2U}) image.put(first_type, key, "0");
    ASSERT_TRUE(image.commit());
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    const pid_t child = fork();
    if (child == 0) {
      for (std::uint64_t count = 1;; ++count) {
        const std::string value(static_cast<std::size_t>(count % 3000), static_cast<char>('a' + count % 26));
        for (const std::uint64_t key : {1U, 2U}) image.put(first_type, key, value);
        const bool written = image.commit();
        if (!written || (count == 10 && write(writer.get(), "x", 1) != 1)) _exit(1);
      }
    }
    writer.reset();
    char ready = 0;
    ASSERT_EQ(::read(reader.get(), &ready, 1), 1);
    for (int spin = 0; spin < turn * 1000; ++spin) asm volatile("");
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    const Records found = read(image);
    ASSERT_EQ(found.size(), 2U);
    ASSERT_EQ(found.at({first_type, 1}), found.at({first_type, 2}));
  }
}

TEST(ImageFile, can_be_amended_by_the_next_process) {
  ImageFile image;
  image.put(first_type, 1, "a");
  image.put(first_type, 2, "a");
  ASSERT_TRUE(image.commit());
  ImageFile::amend(image.fd(), {first_type, 1}, "b");
  ImageFile::amend(image.fd(), {second_type, 1}, "b");
  EXPECT_EQ(read(image), (Records{{{first_type, 1}, "b"}, {{first_type, 2}, "a"}, {{second_type, 1}, "b"}}));
  ImageFile::amend(-1, {first_type, 1}, "b");
}

TEST(ImageFile, refuses_what_is_no_image) {
  ImageFile image;
  image.put(first_type, 1, "a");
  ASSERT_TRUE(image.commit());
  const std::string good = contents(image.fd());
  EXPECT_EQ(refusal(good), "");
  EXPECT_EQ(refusal(""), "it is not an image of a pool");
  EXPECT_EQ(refusal(good.substr(0, 40)), "it is not an image of a pool");
  EXPECT_EQ(refusal(good.substr(0, 4096)), "it is empty");
  std::string other = good;
  other[0] = 'P';
  EXPECT_EQ(refusal(other), "it is not an image of a pool");
  other = good;
  other[8] = 2;
  EXPECT_EQ(refusal(other), "it has version 2, and this preforkd reads version 1");
  other = good;
  other[16] = '!';
  EXPECT_EQ(refusal(other), "it is of an earlier boot");
  other = good;
  other.back() = 'b';
  EXPECT_EQ(refusal(other), "it is empty") << "a block with a wrong checksum is not whole";
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  EXPECT_FALSE(ImageFile::read(reader.get()));
  EXPECT_FALSE(ImageFile::read(-1));
}

TEST(ImageFile, that_cannot_be_written_holds_nothing) {
  ImageFile image;
  image.put(first_type, 1, "a");
  ASSERT_TRUE(image.commit());
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit small{0, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  image.put(first_type, 1, "b");
  EXPECT_FALSE(image.commit());
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, before);
  image.put(first_type, 1, "c");
  EXPECT_FALSE(image.commit());
  EXPECT_FALSE(ImageFile::read(image.fd()));
}

}  // namespace
}  // namespace preforkd
