import Aviary
import AviaryTestSupport
import Foundation
import Testing

@Suite struct ONNXCommandTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    try ToyFiles.checkpoint().write(to: scratch / "toy.h5")
  }

  private func convert(_ output: String, _ more: String...) throws -> BuiltTool.Outcome {
    try BuiltTool.run(["convert", scratch / "toy.h5", scratch / output] + more)
  }

  #if ONNX
    @Test func writesTheNetworkItself() throws {
      let outcome = try convert("toy.onnx", "--json", "--example", scratch / "example.npz")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let report = try outcome.json()
      #expect(report["opset"] as? Int == 18 && report["architecture"] as? String == "resnet-toy")
      let inputs = try #require(report["inputs"] as? [[String: Any]])
      #expect(inputs.map { $0["shape"] as? [String] } == [["batch", "3", "64", "64"]])
      let examples = try Checkpoint.read(from: scratch / "example.npz")
      #expect(examples["0/logits"]?.shape == [3, 2] && examples["1/input"]?.shape == [1, 3, 64, 64])
      // Its own file may be written over, another one not.
      #expect(try convert("toy.onnx", "--with-preprocessing", "--probabilities", "--dtype", "f16").status == 0)
      try scratch.write("kept", to: "other.onnx")
      expectFault(try convert("other.onnx"), "other.onnx", "not an ONNX file", "--force")
      #expect(scratch.names == ["example.npz", "other.onnx", "toy.h5", "toy.onnx"])
    }

    /// Estimates in the units of the target, for which there are no probabilities.
    @Test func aRegressionPutsOutValues() throws {
      let rows = (0..<30).map { "\($0),\(1000 + 7 * $0)" }
      let table = try scratch.write("size,price\n" + rows.joined(separator: "\n") + "\n", to: "prices.csv")
      for (network, more) in [
        ("mlp", ["--target", "price"]), ("sequence-gru", ["--target", "price", "--window", "4"]),
      ] {
        let run = scratch / network
        let trained = try BuiltTool.run(
          ["train", network, "--data", table, "--output", run, "--epochs", "1", "--quiet"] + more)
        #expect(trained.status == 0, "\(trained.errors)")
        let outcome = try BuiltTool.run([
          "convert", run + "/best.h5", scratch / "\(network).onnx", "--json", "--example", scratch / "\(network).npz",
        ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let outputs = try #require(try outcome.json()["outputs"] as? [[String: Any]])
        #expect(outputs.map { $0["name"] as? String } == ["values"])
        let values = try Checkpoint.read(from: scratch / "\(network).npz")["0/values"]?.doubles() ?? []
        #expect(values.count == 3 && values.allSatisfy { $0 > 500 && $0 < 2000 }, "\(values)")
        expectFault(
          try BuiltTool.run(["convert", run + "/best.h5", scratch / "p.onnx", "--probabilities"]),
          "--probabilities is for classifiers", "values")
      }
    }

    @Test func whatIsSaidOfAFileIsSaidHereToo() throws {
      let file = Goldens.url("keras/bfloat16.keras", of: "KerasTests").path
      let said = "dtype policy bfloat16; here they are computed in float32"
      let outcome = try BuiltTool.run(["convert", file, scratch / "b.onnx"])
      #expect(outcome.lines.contains { $0.hasPrefix("note: ") && $0.contains(said) }, "\(outcome.output)")
      let notes = try BuiltTool.run(["convert", file, scratch / "b.onnx", "--json"]).json()["notes"] as? [String]
      #expect(notes?.count == 1 && notes?[0].contains(said) == true)
    }

    @Test func integersBecomeFloatsWhereTheseAreAskedFor() throws {
      try ToyFiles.images(at: scratch / "pets")
      let made = try BuiltTool.run(
        ["quantize", scratch / "toy.h5", "--data", scratch / "pets", "--output", scratch / "q.h5"])
      #expect(made.status == 0, "\(made.errors)")
      func bytes(_ options: String...) throws -> Int? {
        let outcome = try BuiltTool.run(["convert", scratch / "q.h5", scratch / "q.onnx", "--json"] + options)
        return try outcome.json()["weight_bytes"] as? Int
      }
      let (integers, floats) = (try #require(try bytes()), try #require(try bytes("--dtype", "f32")))
      #expect(2 * integers < floats)
    }

    @Test func refusesWhatMakesNoSense() throws {
      for (options, text) in [
        (["--keep-names"], "--keep-names"), (["--dtype", "bf16"], "--dtype"), (["--example", "x.txt"], "--example"),
        (["--example", "x.npz", "--probabilities"], "--probabilities"),
      ] {
        let outcome = try BuiltTool.run(["convert", scratch / "toy.h5", scratch / "toy.onnx"] + options)
        #expect(outcome.status == 64 && outcome.errors.contains(text), "\(outcome.errors)")
      }
      let other = try convert("toy.pth", "--probabilities")
      #expect(other.status == 64 && other.errors.contains("--probabilities is for ONNX files"))
      try ToyFiles.headless().write(to: scratch / "headless.h5")
      expectFault(
        try BuiltTool.run(["convert", scratch / "headless.h5", scratch / "toy.onnx"]), "has no classifier head")
      #expect(scratch.names == ["headless.h5", "toy.h5"])
    }
  #else
    @Test func saysWhichBuildWritesIt() throws {
      let outcome = try convert("toy.onnx")
      #expect(outcome.status == 64 && outcome.errors.contains("swift build -c release --traits ONNX"))
      #expect(scratch.names == ["toy.h5"])
    }
  #endif
}
