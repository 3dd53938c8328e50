import AviaryTraining
import Foundation
import Testing

/// Signals reach a whole process: each test is one of its own.
@Suite struct InterruptionTests {
  @Test func theFirstOnlyAsks() async {
    await #expect(processExitsWith: .success) {
      for signal in [SIGINT, SIGTERM] {
        Interruption.watch()
        precondition(!Interruption.isRequested)
        press(signal)
        precondition(Interruption.isRequested)
        Interruption.unwatch()
        precondition(!Interruption.isRequested)
      }
    }
  }

  @Test func theSecondEndsTheProcess() async {
    await #expect(processExitsWith: .exitCode(130)) {
      Interruption.watch()
      press(SIGINT)
      kill(getpid(), SIGINT)
      sleep(10)
    }
  }

  @Test func unwatchedItKillsAsEver() async {
    await #expect(processExitsWith: .signal(SIGTERM)) {
      Interruption.watch()
      press(SIGTERM)
      Interruption.unwatch()
      kill(getpid(), SIGTERM)
      sleep(10)
    }
  }

  @Test func aRunStopsAfterTheStepAndSaves() async {
    await #expect(processExitsWith: .success) {
      let task = ToyTask()
      var loop = task.loop()
      Interruption.watch()
      loop.isInterrupted = { Interruption.isRequested }
      let step = loop.step
      loop.step = { batch, rate, number in
        if number == 10 { press(SIGINT) }
        return try step(batch, rate, number)
      }
      guard case .interrupted(let state) = try loop.run() else { preconditionFailure("not interrupted") }
      precondition(state.globalStep == 11 && task.disk.last?.weights == task.weights)
    }
  }
}

/// Sends the signal to the whole process, as a terminal does, and waits up to ten seconds until it has arrived.
private func press(_ signal: Int32) {
  kill(getpid(), signal)
  for _ in 0..<1000 where !Interruption.isRequested { usleep(10_000) }
}
