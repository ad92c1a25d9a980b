#pragma once

#include <time.h>

#include <algorithm>
#include <vector>

namespace peerwatt::bench {

/// CPU time of this thread in seconds: what others do on the machine counts less.
inline double ThreadSeconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// CPU time that `work` takes of this thread, in seconds.
template <typename Work>
double SecondsOf(Work work) {
  const double start = ThreadSeconds();
  work();
  return ThreadSeconds() - start;
}

/// The middle of `values`, the upper one of two; there must be one.
inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace peerwatt::bench
