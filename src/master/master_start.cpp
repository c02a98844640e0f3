// SPDX-License-Identifier: MIT
#include "master/master_start.hpp"

#include <utility>

namespace preforkd {

void MasterStart::go_on_from(Predecessor found) {
  predecessor = std::move(found);
  config = predecessor->pool.generations.at(predecessor->pool.image.pool.generation);
  if (config_of_units == nullptr) config_of_units = config;
  if (!predecessor->same_process) return;
  stored = predecessor->stored;
  setup.soft_open_files = predecessor->master.soft_open_files;
  setup.leaves_with_terminal = predecessor->master.leaves_with_terminal;
  setup.in_master_group = predecessor->master.in_master_group;
  if (!predecessor->config_of_units) return;
  if (Result<PoolConfig> units = restore_config(*predecessor->config_of_units))
    config_of_units = std::make_shared<const PoolConfig>(std::move(*units));
}

}  // namespace preforkd
