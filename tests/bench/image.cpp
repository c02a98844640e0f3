// SPDX-License-Identifier: MIT
// What the image of a pool (ImageWriter) costs while workers are killed and replaced:
//   bench_image WORKERS KILLS    prints the median and the maximum time of an update in µs, and the memory of the image
//   in bytes
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "fakes/fake_clock.hpp"
#include "fakes/fake_launcher.hpp"
#include "master/pool/pool.hpp"
#include "master/succession/image_writer.hpp"

using namespace preforkd;

namespace {

class Measured {
 public:
  explicit Measured(unsigned workers) : pool_(config(workers), launcher_, clock_, 1) {
    pool_.step(event::Start{});
    for (unsigned slot = 0; slot < workers; ++slot) pool_.step(event::WorkerReady{pool_.shown_worker(slot)->id});
    static_cast<void>(writer_.write(pool_));
  }

  void replace(unsigned slot) {
    clock_.advance(std::chrono::hours(1));  // no backoff
    const WorkerId id = pool_.shown_worker(slot)->id;
    launcher_.alive.erase(id);
    update(event::WorkerExited{id, 1000, {ExitStatus::Kind::signaled, SIGKILL, {}}});
    update(event::WorkerReady{pool_.shown_worker(slot)->id});
  }

  void print() {
    std::sort(times_.begin(), times_.end());
    struct stat image {};
    if (fstat(writer_.fd(), &image) != 0 || times_.empty()) std::abort();
    std::printf("%.1f %.1f %lld\n", times_[times_.size() / 2], times_.back(), 512LL * image.st_blocks);
  }

 private:
  static std::shared_ptr<const PoolConfig> config(unsigned workers) {
    PoolConfig config;
    config.name = "bench";
    config.program = {"/usr/libexec/preforkd/prefork-echo"};
    config.workers = {.initial = workers, .min = workers, .max = workers};
    return std::make_shared<const PoolConfig>(std::move(config));
  }
  // In place of what is written about its process, of the same size.
  static std::string parts(WorkerId id) {
    return std::string(160, ' ') + std::to_string(static_cast<std::uint64_t>(id));
  }

  void update(const Event& event) {
    pool_.step(event);
    const auto begin = std::chrono::steady_clock::now();
    if (!writer_.write(pool_).ok) std::abort();
    times_.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }

  fakes::FakeLauncher launcher_;
  fakes::FakeClock clock_;
  Pool pool_;
  ImageWriter writer_ = ImageWriter(parts);
  std::vector<double> times_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int place) { return static_cast<unsigned>(std::strtoul(argv[place], nullptr, 10)); };
  if (argc != 3 || number(1) == 0 || number(2) == 0) return 64;
  Measured measured(number(1));
  for (unsigned kill = 0; kill < number(2); ++kill) measured.replace(kill % number(1));
  measured.print();
  return 0;
}
