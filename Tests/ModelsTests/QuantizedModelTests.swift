import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryModels

/// Networks of 8-bit integers.
@Suite struct QuantizedModelTests {
  private static let goldens = Bundle.module.bundlePath + "/Goldens/"

  /// Calibrated on the images of the case.
  private func quantized(_ entry: ZooCase) throws -> (floats: any Classifier, integers: any Classifier) {
    func open(_ model: some Classifier) throws -> (any Classifier, any Classifier) {
      let copy = model.copy()
      let calibration = Calibration(of: copy)
      calibration.observe { _ = copy(entry.images()).scalars }
      let outcome = try calibration.quantize()
      #expect(!outcome.quantized.isEmpty)
      return (model, copy)
    }
    return try open(try entry.model())
  }

  private func logits(_ model: some Classifier, _ x: Tensor) -> [Float] { inference { model(x).scalars } }

  private func features(_ model: some Classifier, _ x: Tensor) -> [Float] { inference { model.features(x).scalars } }

  private func distance(_ a: [Float], _ b: [Float]) -> Double {
    let difference = zip(a, b).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
    return (difference / b.reduce(0.0) { $0 + Double($1) * Double($1) }).squareRoot()
  }

  /// h5py wrote the file from the page, and NumPy computed in whole numbers.
  @Test(.enabled(if: Quantization.isSupported)) func agreesWithNumPy() throws {
    struct Golden: Decodable { let logits: [Double] }
    let file = Self.goldens + "quantized-lenet5.h5"
    let data = try #require(FileManager.default.contents(atPath: Self.goldens + "quantized-lenet5.json"))
    let expected = try JSONDecoder().decode(Golden.self, from: data).logits
    let checkpoint = try Checkpoint.read(from: file)
    #expect(checkpoint.quantizedPaths.count == 5)
    let model = try Registry.zoo.classifier(from: checkpoint, path: file).model
    let x = Tensor((0..<1568).map { Float(Double((37 * $0) % 101) / 50 - 0.3) }, shape: [2, 1, 28, 28])
    // What lies between two integers may be rounded to the other one where floats are added in another order.
    #expect(distance(logits(model, x), expected.map { Float($0) }) < 1e-3)
  }

  @Test func rangesOfZerosAreUnknown() throws {
    func unknown(_ inputs: [Float]) throws -> [String] {
      let layer = Linear(3, 2)
      layer.initialize(seed: 0)
      let calibration = Calibration(of: layer)
      calibration.observe { _ = layer(Tensor(inputs, shape: [1, 3])) }
      return try calibration.quantize().unknown
    }
    #expect(try unknown([0, 0, 0]) == ["weight"])
    #expect(try unknown([0, 1, 0]) == [])
  }

  @Test(arguments: ZooCase.families) func isNearTheFloatsAndAFileGivesTheSame(entry: ZooCase) throws {
    let (floats, integers) = try quantized(entry)
    let (a, b) = (logits(integers, entry.images()), logits(floats, entry.images()))
    #expect(distance(a, b) < 0.1, "\(entry.name): \(distance(a, b))")
    // Where the processor has no such integers, what they stand for is computed with. What a new deep network makes of its
    // images may be smaller than the last digit of its head's biases.
    let isAlike = a == b && features(integers, entry.images()) == features(floats, entry.images())
    #expect(!isAlike || !Quantization.isSupported)
    let file = FileManager.default.temporaryDirectory.appending(path: "aviary-\(UUID().uuidString).h5").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    let stored = integers.checkpoint(architecture: entry.name)
    try stored.write(to: file)
    let read = try Checkpoint.read(from: file)
    #expect(read.quantizedPaths == stored.quantizedPaths && !read.quantizedPaths.isEmpty)
    #expect(CheckpointDifference(read, stored).isEmpty)
    let loaded = try Registry.zoo.classifier(from: read, path: file)
    #expect(loaded.report.conversions.isEmpty)
    #expect(logits(loaded.model, entry.images()) == a)
    // The floats that they stand for are at most half a step from what was quantised, and integers stand for them exactly.
    #expect(loaded.model.checkpoint(architecture: entry.name).dequantized().quantizedPaths.isEmpty)
  }

  @Test func threadsChangeNothing() throws {
    let entry = try #require(ZooCase.families.first { $0.name == "resnet18" })
    let (_, integers) = try quantized(entry)
    // In one piece of work, which no other test runs beside.
    let (one, two) = Compute.alone {
      let threads = Compute.threads
      defer { Compute.threads = threads }
      Compute.threads = 1
      let one = logits(integers, entry.images())
      Compute.threads = 2
      return (one, logits(integers, entry.images()))
    }
    #expect(one == two)
  }

  /// In a process of its own: no other test asks for memory meanwhile.
  @Test func memoryStaysFlat() async {
    await #expect(processExitsWith: .success) {
      let suite = QuantizedModelTests()
      let entry = try #require(ZooCase.families.first { $0.name == "resnet18" })
      let (_, integers) = try suite.quantized(entry)
      let x = entry.images()
      for _ in 0..<3 { _ = suite.logits(integers, x) }
      let before = Compute.memory
      for _ in 0..<50 { _ = suite.logits(integers, x) }
      let after = Compute.memory
      precondition(after.misses == before.misses && after.heldBytes == before.heldBytes)
      precondition(after.allocations > before.allocations)
    }
  }

  /// Training takes the numbers that the integers stand for, and what it changes are no integers any more.
  @Test func trainingIsInFloats() throws {
    let entry = try #require(ZooCase.families.first { $0.name == "resnet18" })
    let (_, integers) = try quantized(entry)
    func train(_ model: some Classifier) throws {
      let floats = model.copy()
      for parameter in floats.parameters {
        parameter.assign(Tensor(parameter.tensor.scalars, shape: parameter.shape))
      }
      let (x, parameters) = (entry.images(), model.parameters)
      let first = valueWithGradients(of: parameters) { model(x).sum() }
      let second = valueWithGradients(of: floats.parameters) { floats(x).sum() }
      #expect(first.value.scalar == second.value.scalar)
      let changed = try #require(parameters.first { $0.tensor.quantization != nil })
      let gradient = try #require(first.gradients[changed])
      changed.assign(changed.tensor - gradient * 0.01)
      #expect(changed.tensor.quantization == nil)
    }
    try train(integers)
  }

  @Test func nothingToQuantizeAndNoNumbers() throws {
    let model = try Registry.zoo.architecture(named: "lenet5").buildClassifier()
    model.initialize(seed: 1)
    #expect(throws: QuantizationFault.nothingToQuantize) { try Calibration(of: model).quantize() }
    func check(_ model: some Classifier) {
      let calibration = Calibration(of: model)
      calibration.observe { _ = model(Tensor(repeating: .infinity, shape: [1, 1, 28, 28])).scalars }
      #expect(throws: QuantizationFault.self) { try calibration.quantize() }
      #expect(model.parameters.allSatisfy { $0.tensor.quantization == nil })
    }
    check(model)
  }
}
