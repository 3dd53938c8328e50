import Aviary
import AviaryTestSupport
import Foundation
import Testing

/// `aviary-bench` as scripts and people use it. Speed itself is not tested.
@Suite struct BenchTests {
  private static let short = ["--steps", "2", "--warmup", "1", "--threads", "1"]

  @Test(arguments: [
    "lenet5-train", "mlp-train", "gcn-train", "save", "load", "resnet18-infer1-int8", "lenet5-train8", "lstm-infer1",
  ])
  func workloadsGiveOneTimeAStep(_ workload: String) throws {
    let outcome = try BuiltTool.bench([workload, "--json"] + Self.short)
    let result = try outcome.json()
    #expect(outcome.status == 0)
    #expect(result["workload"] as? String == workload)
    #expect((result["seconds"] as? [Double])?.count == 2)
    #expect((result["items_per_step"] as? Int ?? 0) >= 1 && (result["peak_kb"] as? Int ?? 0) > 1000)
  }

  @Test func photographsAreReadFromTheFolderNamed() throws {
    let folder = try ScratchFolder()
    let drawn = try BuiltTool.run(["sample-images", folder / "photos", "--count", "20", "--size", "64"])
    #expect(drawn.status == 0, "\(drawn.errors)")
    let outcome = try BuiltTool.bench(
      ["images", "--data", folder / "photos", "--steps", "1", "--warmup", "0", "--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try outcome.json()["items_per_step"] as? Int == 256)
    let absent = try BuiltTool.bench(
      ["images", "--steps", "1"], environment: ["AVIARY_SHARED_DATA": folder / "nothing"])
    #expect(absent.status == 1 && absent.errors.contains("--data"))
  }

  @Test func aProfileNamesOperationsAndLayers() throws {
    let folder = try ScratchFolder()
    let trace = folder / "trace.json"
    let outcome = try BuiltTool.bench(["lenet5-train", "--profile", "--trace", trace] + Self.short)
    #expect(outcome.status == 0, "\(outcome.errors)")
    for expected in [
      "convolution, gradient of weights", "between operations", "conv2", "fc3", "optimizer", "reorders:",
      "pool misses: ", "heap allocations: ", "GFLOP/s", "GB/s",
    ] {
      #expect(outcome.output.contains(expected), "no '\(expected)' in\n\(outcome.output)")
    }
    let data = try #require(FileManager.default.contents(atPath: trace))
    let whole = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let events = try #require(whole["traceEvents"] as? [[String: Any]])
    #expect(events.count > 20)
    #expect(events.allSatisfy { $0["ph"] as? String == "X" && $0["ts"] is Double && $0["dur"] is Double })
    #expect(events.contains { ($0["args"] as? [String: Any])?["layer"] as? String == "conv1" })
  }

  /// Before the steps are taken: a run that cannot be written down is not begun.
  @Test func aTraceThatCannotBeWrittenIsSaidAtOnce() throws {
    let folder = try ScratchFolder()
    for (trace, words) in [("no/such/trace.json", "does not exist"), (".", "is a folder")] {
      let outcome = try BuiltTool.bench(
        ["mlp-train", "--steps", "100000000", "--trace", trace], in: folder.path, seconds: 20)
      expectFault(outcome, words)
    }
  }

  @Test func aFileWithoutInputsIsNamed() throws {
    let folder = try ScratchFolder()
    let outcome = try BuiltTool.bench(["mlp-train", "--check", folder / "absent.safetensors"])
    #expect(outcome.status == 1 && outcome.errors.hasPrefix("error: ") && outcome.lines.isEmpty)
    #expect(try BuiltTool.bench(["mlp-train", "--profile", "--json"]).status == 64)
  }

  /// The losses that PyTorch recorded with `tools/bench_peers.py lenet5-train --dump`.
  private static let recorded = PackageRoot.url
    .appendingPathComponent("Tests/CommandTests/Goldens/lenet5-train.safetensors").path

  @Test func recordedLossesAreMet() throws {
    let outcome = try BuiltTool.bench(["lenet5-train", "--check", Self.recorded])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.lines.count == 3 && outcome.lines.allSatisfy { $0.contains("recorded") })
  }

  /// A loss, a weight or an input that differs by little more than rounding fails the check.
  @Test func otherLossesAreNot() throws {
    let folder = try ScratchFolder()
    let recorded = try Checkpoint.read(from: Self.recorded)
    func damaged(_ path: String, _ change: (inout [Float]) -> Void) throws -> BuiltTool.Outcome {
      var checkpoint = recorded
      let array = try #require(recorded[path])
      var values = try #require(array.floats())
      change(&values)
      checkpoint.set(StoredArray(values, shape: values.isEmpty ? [0] : array.shape), at: path)
      try checkpoint.write(to: folder / "damaged.safetensors")
      return try BuiltTool.bench(["lenet5-train", "--check", folder / "damaged.safetensors"])
    }
    expectFault(try damaged("losses") { $0[2] *= 1.001 }, "the losses differ")
    expectFault(try damaged("losses") { $0[0] = .nan }, "the losses differ")
    expectFault(try damaged("losses") { $0 = [] }, "has no tensors 'losses'")
    expectFault(try damaged("weight/fc3.bias") { $0[0] += 0.1 }, "the losses differ")
    expectFault(try damaged("input/x") { $0 = $0.map { $0 * 1.1 } }, "the losses differ")
  }

  // MARK: Growth

  /// Each size in a process of its own, and the cost of an item from what is beyond the smallest size.
  @Test func growthMeasuresEverySize() throws {
    let folder = try ScratchFolder()
    let outcome = try BuiltTool.bench(
      [
        "growth", "tensors", "rows", "--to", "1000", "--work", "read", "--json", "--threads", "1", "--scratch",
        folder.path,
      ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let series = try #require(try outcome.json()["growth"] as? [[String: Any]])
    #expect(
      series.map { "\($0["axis"] ?? "") \($0["work"] ?? "")" } == [
        "tensors read .h5", "tensors read .safetensors", "tensors read .pth", "rows read",
      ])
    for one in series {
      let sizes = try #require(one["sizes"] as? [[String: Any]])
      #expect(one["end"] is NSNull, "\(one)")
      #expect(
        sizes.compactMap { $0["size"] as? Int }
          == (one["axis"] as? String == "rows" ? [100, 1000] : [1, 10, 100, 1000]))
      for size in sizes {
        #expect(size["seconds"] as? Double ?? -1 >= 0 && size["bytes"] as? Int ?? 0 > 1_000_000)
        guard let cost = size["seconds_per_item"] as? Double else { continue }
        let items = Double((size["size"] as? Int ?? 0) - (sizes[0]["size"] as? Int ?? 0))
        let expected = ((size["seconds"] as? Double ?? 0) - (sizes[0]["seconds"] as? Double ?? 0)) / items
        #expect(abs(cost - expected) <= 1e-9 * expected)
      }
    }
    let ofRows = try #require(series.last?["sizes"] as? [[String: Any]])
    #expect(ofRows.last?["seconds_per_item"] is Double, "a thousand rows cost nothing")
    #expect(outcome.output.contains("tensors: read .pth") && folder.names.isEmpty)
  }

  /// The inputs go with the bench, whatever ends it.
  @Test func growthLeavesNothingBehind() throws {
    let folder = try ScratchFolder()
    let outcome = try BuiltTool.run(
      ["growth", "rows", "--scratch", folder.path], of: BuiltTool.path(of: "aviary-bench"), seconds: 60
    ) { process in
      while folder.names.isEmpty, process.isRunning { usleep(10_000) }
      usleep(300_000)
      process.interrupt()
    }
    #expect(outcome.status == 130, "\(outcome.status): \(outcome.errors)")
    #expect(folder.names.isEmpty)
  }

  @Test(arguments: [
    ["colours"], ["--plot", "a.gif"], ["rows", "--work", "sing"], ["--limit", "0"], ["--memory", "0"], ["--to", "0"],
  ])
  func growthRefusesWhatItDoesNotKnow(_ arguments: [String]) throws {
    let outcome = try BuiltTool.bench(["growth"] + arguments)
    #expect(outcome.status == 64 && outcome.output.isEmpty && outcome.errors.contains("Usage: aviary-bench"))
  }
}
