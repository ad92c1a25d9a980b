#include "services/metering/rpc/ingest_workers.h"

#include <chrono>
#include <iterator>
#include <utility>

#include "libs/base/log.h"

namespace peerwatt::metering {
namespace {

/// Answers everything of a lane that needs no storing; a batch that does stays without.
/// Returns whether the lane's batches may be stored now.
bool AnswerWithoutStoring(const LaneWork& work, ReadingStore& store,
                          std::vector<LaneAnswer>& answers) {
  for (const LaneItem& item : work.items) {
    LaneAnswer answer{.open = item.open,
                      .sequence = item.batch.sequence,
                      .decided = item.decided,
                      .outcome = {}};
    if (item.open) {
      const auto sequence = store.AcknowledgedSequence(item.batch.device);
      answer.sequence = sequence.ok() ? *sequence : 0;
      answer.outcome.status = sequence.status();
    } else {
      answer.outcome.status = item.refusal;
    }
    answers.push_back(std::move(answer));
    if (IsUndecided(answers.back().outcome.status)) {
      return false;
    }
  }
  return true;
}

}  // namespace

IngestWorkers::IngestWorkers(const IngestOptions& options, IngestQueue& queue, Ingest& ingest,
                             ReadingStore& store, const Clock& clock, IngestProbe& probe,
                             ChangeSignal& changed)
    : options_(options),
      queue_(queue),
      ingest_(ingest),
      store_(store),
      clock_(clock),
      probe_(probe),
      changed_(changed) {
  for (int i = 0; i < options_.workers; ++i) {
    threads_.emplace_back([this] { Run(); });
  }
}

IngestWorkers::~IngestWorkers() { Stop(); }

void IngestWorkers::Stop() {
  queue_.Stop();
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

void IngestWorkers::Run() {
  for (;;) {
    std::vector<LaneWork> works =
        queue_.Take(options_.batches_per_commit, options_.readings_per_commit);
    if (works.empty()) {
      return;
    }
    StoreGroup(works);
    probe_.Queued(queue_.item_count());
  }
}

void IngestWorkers::StoreGroup(std::vector<LaneWork>& works) {
  const auto started_at = std::chrono::steady_clock::now();
  std::vector<std::vector<LaneAnswer>> answers(works.size());
  std::vector<IngestRequest> requests;
  std::vector<BatchOutcome*> targets;
  for (size_t w = 0; w < works.size(); ++w) {
    if (!AnswerWithoutStoring(works[w], store_, answers[w])) {
      continue;
    }
    for (size_t i = 0; i < works[w].items.size(); ++i) {
      const LaneItem& item = works[w].items[i];
      if (!item.open && item.decided.empty() && item.refusal.ok()) {
        requests.push_back({works[w].lane->number, &item.batch});
        targets.push_back(&answers[w][i].outcome);
      }
    }
  }
  if (!requests.empty()) {
    std::vector<BatchOutcome> outcomes = ingest_.Run(requests, clock_.Now());
    for (size_t i = 0; i < outcomes.size(); ++i) {
      probe_.Noted(outcomes[i].events);
      *targets[i] = std::move(outcomes[i]);
    }
    probe_.Committed(absl::FromChrono(std::chrono::steady_clock::now() - started_at));
    changed_.Notify();
  }
  for (size_t w = 0; w < works.size(); ++w) {
    Answer(std::move(works[w]), std::move(answers[w]));
  }
}

void IngestWorkers::Answer(LaneWork work, std::vector<LaneAnswer> outcomes) {
  size_t decided = 0;
  size_t weight = 0;
  for (; decided < outcomes.size(); ++decided) {
    const BatchOutcome& outcome = outcomes[decided].outcome;
    if (work.lane->waits && IsUndecided(outcome.status)) {
      Log(Severity::kWarning, "batches wait and will be tried again",
          {{"cause", outcome.status.message()}, {"items", work.items.size() - decided}});
      break;
    }
    const LaneItem& item = work.items[decided];
    weight += item.Weight();
    if (!item.open && item.decided.empty()) {
      probe_.Decided(item.batch, outcome);
    }
  }
  outcomes.resize(decided);
  std::vector<LaneItem> undecided(
      std::make_move_iterator(work.items.begin() + static_cast<std::ptrdiff_t>(decided)),
      std::make_move_iterator(work.items.end()));
  if (const auto sink = work.lane->sink.lock(); sink != nullptr && !outcomes.empty()) {
    sink->OnAnswers(std::move(outcomes));
  }
  queue_.Finish(work.lane, std::move(undecided), decided, weight);
}

}  // namespace peerwatt::metering
