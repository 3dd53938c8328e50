import AviaryCheckpoints
import Foundation
import Testing

/// Pickles that Python wrote without PyTorch's container, objects that hold modules, and weights that are computed.
@Suite struct PickleFileTests {
  struct Values: Decodable {
    let shape: [Int]
    let values: [Double]
  }

  static let expected: [String: [String: Values]] = {
    guard let data = FileManager.default.contents(atPath: Fixtures.path("pickles/values.json")) else { return [:] }
    return (try? JSONDecoder().decode([String: [String: Values]].self, from: data)) ?? [:]
  }()

  private func read(_ name: String, _ options: Checkpoint.ReadOptions = .init()) throws -> Checkpoint {
    try Checkpoint.read(from: Fixtures.path("pickles/" + name), options: options)
  }

  @Test func everyFileIsTried() { #expect(Self.expected.count == 36) }

  @Test(arguments: expected.keys.sorted().filter { $0 != "empty_learner.pkl" })
  func tensorsAreThoseOfPyTorch(file: String) throws {
    let checkpoint = try read(file)
    let wanted = try #require(Self.expected[file])
    #expect(Set(checkpoint.paths) == Set(wanted.keys))
    for (path, values) in wanted {
      let array = try #require(checkpoint[path], "\(path)")
      #expect(array.shape == values.shape, "\(path)")
      let found = try #require(array.doubles())
      let isComputed = file.hasSuffix(".pth") && path.hasSuffix("weight")
      for (a, b) in zip(found, values.values) {
        #expect(abs(a - b) <= (isComputed ? 1e-6 * (1 + abs(b)) : 0), "\(path)")
      }
    }
  }

  @Test(arguments: [
    ("weight_norm.pth", "weight normalization"), ("weight_norm_new.pth", "weight normalization"),
    ("spectral.pth", "spectral normalization"), ("spectral_new.pth", "spectral normalization"),
    ("spectral_axis.pth", "spectral normalization"), ("spectral_columns.pth", "spectral normalization"),
    ("pruned.pth", "pruning"), ("spectral_twice.pth", "spectral normalization"),
    ("weight_norm_spectral.pth", "weight normalization and spectral normalization"),
    ("weight_norm_pruned.pth", "pruning and weight normalization"),
    ("spectral_pruned.pth", "pruning and spectral normalization"),
  ]) func whatWasComputedIsSaid(file: String, kind: String) throws {
    let checkpoint = try read(file)
    let verb = kind.contains(" and ") ? "were" : "was"
    #expect(checkpoint.notes == ["the parts of \(kind), which \(verb) applied: '0.weight'"])
    // A weight comes before its bias, as without the parametrization.
    #expect(checkpoint.paths == ["0.weight", "0.bias"])
    let stored = try read(file, .init(effectiveWeights: false))
    #expect(stored["0.weight"] == nil && stored.entries.count >= 3 && stored.notes.isEmpty)
  }

  /// A parametrization that only its code knows is named, and nothing is lost.
  @Test func unknownParametrizationsAreKept() throws {
    var checkpoint = Checkpoint()
    checkpoint.set(StoredArray([1, 2] as [Float], shape: [1, 2]), at: "fc.parametrizations.weight.original")
    checkpoint.set(StoredArray([1, 2] as [Float], shape: [2]), at: "fc.parametrizations.weight.0.base")
    let result = checkpoint.withEffectiveWeights()
    #expect(result.paths == checkpoint.paths)
    #expect(result.notes.count == 1 && result.notes[0].contains("'fc.weight'"))
  }

  /// Spectral normalization of what an unknown parametrization makes.
  @Test func whatIsInFrontOfAKnownStepIsNotPassedOver() throws {
    var checkpoint = Checkpoint()
    let base = "fc.parametrizations.weight."
    checkpoint.set(StoredArray([1, 2, 3, 4] as [Float], shape: [2, 2]), at: base + "original")
    checkpoint.set(StoredArray([1, 0] as [Float], shape: [2]), at: base + "1._u")
    checkpoint.set(StoredArray([1, 0] as [Float], shape: [2]), at: base + "1._v")
    #expect(checkpoint.withEffectiveWeights().paths == checkpoint.paths)
    checkpoint.set(StoredArray([1, 0] as [Float], shape: [2]), at: base + "0._u")
    checkpoint.set(StoredArray([1, 0] as [Float], shape: [2]), at: base + "0._v")
    #expect(checkpoint.withEffectiveWeights().paths == ["fc.weight"])
    checkpoint.set(StoredArray([1] as [Float], shape: [1]), at: base + "2.scale")
    let result = checkpoint.withEffectiveWeights()
    #expect(result.paths == checkpoint.paths)
    #expect(result.notes.count == 1 && result.notes[0].contains("does not settle"))
  }

  /// Names that only look like parts of a parametrization are names.
  @Test func namesAloneAreNoParametrization() {
    var checkpoint = Checkpoint()
    for name in ["a_g", "a_v", "b_orig", "c_mask", "d_g", "parametrizations"] {
      checkpoint.set(StoredArray([1, 2] as [Float], shape: [2]), at: name)
    }
    checkpoint.set(StoredArray([1, 2, 3] as [Float], shape: [3]), at: "d_v")
    #expect(checkpoint.withEffectiveWeights().paths.contains("d_g"))
    #expect(checkpoint.withEffectiveWeights().paths.contains("b_orig"))
  }

  /// Vectors that two axes would do for, and those of no axis.
  @Test func anAxisThatNothingSettlesIsNotChosen() {
    var checkpoint = Checkpoint()
    let base = "fc.parametrizations.weight."
    checkpoint.set(StoredArray([2, 1, 1.1, 3] as [Float], shape: [2, 2, 1]), at: base + "original")
    for (u, v) in [([0.5, 0.85] as [Float], [0.53, 0.85] as [Float]), ([1, 0], [-0.4, 0.9])] {
      checkpoint.set(StoredArray(u, shape: [2]), at: base + "0._u")
      checkpoint.set(StoredArray(v, shape: [2]), at: base + "0._v")
      #expect(checkpoint.withEffectiveWeights().paths == checkpoint.paths, "\(u)")
    }
  }

  /// Nothing that holds numbers is passed over without a word.
  @Test func whatIsNotTakenIsNamed() throws {
    let checkpoint = try read("left_out.pth")
    #expect(checkpoint.paths == ["w"])
    #expect(checkpoint.unreadable.map(\.path) == ["sparse"])
    #expect(checkpoint.unreadable.first?.reason.hasPrefix("is sparse") == true)
    let named = checkpoint.notes.compactMap { $0.split(separator: ":").first }
    #expect(named == ["pair", "holder", "storage", "texts", "records", "masked"])
    #expect(checkpoint.notes.first == "pair: an object of class learner_like.Pair, whose tensors were not taken")
  }

  @Test func whatANetworkIsBuiltFromIsKept() throws {
    let checkpoint = try read("nanogpt.pt")
    #expect(checkpoint.paths == ["transformer.wte.weight"])
    let facts = checkpoint.metadata.extra
    #expect(facts["model_args.n_head"] == "6" && facts["model_args.dropout"] == "0.25")
    // A loss that is a tensor is a number, and no other network's weights.
    #expect(facts["best_val_loss"] == "1.5" && facts["iter_num"] == "10")
    #expect(checkpoint.notes.count == 1 && checkpoint.notes[0].hasPrefix("optimizer: also has tensors"))
  }

  /// Numbers of float64 are not rounded to float32 on the way.
  @Test func effectiveWeightsHaveThePrecisionOfTheirParts() throws {
    var checkpoint = Checkpoint()
    checkpoint.set(StoredArray([0.1, 7] as [Double], shape: [2, 1]), at: "fc.weight_orig")
    checkpoint.set(StoredArray([1, 0] as [Double], shape: [2, 1]), at: "fc.weight_mask")
    #expect(checkpoint.withEffectiveWeights()["fc.weight"]?.doubles() == [0.1, 0])
  }

  @Test func aNumberAndATextAreTwoKeys() throws {
    let path = Fixtures.path("pickles/same_keys.pth")
    #expect(throws: CheckpointFault.duplicateTensor(path: path, tensor: "1")) { try Checkpoint.read(from: path) }
  }

  @Test func objectsAreNamed() throws {
    let learner = try read("learner.pkl")
    #expect(learner.metadata.extra["pytorch.key"] == "model" && learner.metadata.extra["lr"] == "0.1")
    #expect(learner.notes.contains { $0.hasPrefix("learner_like.Learner: an object") })
    let fault = #expect(throws: CheckpointFault.self) { try read("empty_learner.pkl") }
    #expect(fault?.description.contains("learner_like.Learner") == true)
    let frozen = #expect(throws: CheckpointFault.self) { try read("frozen_script.pt") }
    #expect(frozen?.description.contains("torch.jit.freeze") == true)
  }

  @Test func scriptsGiveTheirTensors() throws {
    let checkpoint = try Checkpoint.read(from: Fixtures.path("torchscript.pt"))
    // Such an archive does not say which buffers a state dictionary would leave out.
    let module = try Checkpoint.read(from: Fixtures.path("module.pth")).paths
    #expect(Set(checkpoint.paths) == Set(module + ["scratch"]))
    #expect(checkpoint.notes == ["a TorchScript archive: its parameters and buffers were taken, its code was not"])
  }
}
