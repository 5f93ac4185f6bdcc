// Plans that others have written: MSCCL's XML and MSCCL++'s JSON, as stretto's own plans of every rank. Pure: a
// function of the text.
//
// What comes out is stretto's plan, with the foreign one's data flow: who sends which chunk to whom, and what is added
// to what. It is not the foreign plan's synchronisation: threadblocks become one strand a rank, signals, waits and
// barriers the connections' own order. So it is this plan that the checker proves, and not that the foreign one was
// free of races.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.hpp"

namespace stretto::foreign {

struct ForeignPlan {
  std::string_view format;  ///< "MSCCL", "MSCCL++"
  std::string name;         ///< that its author gave it: any bytes
  std::vector<Plan> plans;  ///< of every rank; the hash is of the steps, too
  bool by_copies = false;   ///< what is sent passes through scratch memory, since the plan would not bear aliased slots
  /// "" if it is right with one buffer as input and output, too; else what the checker says of that.
  std::string not_in_place;
};

/// By the first character that is no white space: '<' is XML, '{' is JSON. Whatever comes out has passed the checker:
/// two operations in a row (one, if it has very many chunks), two rounds, all aliases. Throws
/// Error(strettoInvalidArgument) that names file, place, what is wrong and what to do; Error(strettoUnsupported) for
/// XML in a build without expat.
ForeignPlan read_foreign_plan(std::string_view text, std::string_view file_name);

}  // namespace stretto::foreign
