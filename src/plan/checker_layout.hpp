// Where everything lies: scratch and user buffers as ranges of the checker's numbered memory. See checker_model.hpp.
#pragma once

#include "plan/checker_model.hpp"

namespace stretto::checker {

/// Throws Found unless the operations agree about the ranks and have programs for all of them.
void check_shapes(std::span<const CheckedOperation> operations);

/// Returns the first scratch location of each rank. To be called before lay_out_operation.
std::vector<Location> lay_out_scratch(std::span<const CheckedOperation> operations, Model& model);

/// Numbers the tags and user locations of one operation.
OperationModel lay_out_operation(const CheckedOperation& operation, Model& model);

}  // namespace stretto::checker
