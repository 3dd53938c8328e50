import AviaryCheckpoints
import AviaryTensors
import Testing

@Suite struct MatchingTests {
  private let cells: [CellDescription] = [
    .init(path: "conv.weight", shape: [2], role: .parameter),
    .init(path: "bn.running_mean", shape: [2], role: .buffer),
    .init(path: "bn.num_batches_tracked", shape: [], role: .counter),
    .init(path: "fc.weight", shape: [3], role: .parameter),
    .init(path: "fc.bias", shape: [1], role: .parameter),
  ]

  private func checkpoint(_ shapes: KeyValuePairs<String, Int>) -> Checkpoint {
    var checkpoint = Checkpoint()
    for (path, count) in shapes {
      checkpoint.set(StoredArray([Float](repeating: 1, count: count), shape: [count]), at: path)
    }
    return checkpoint
  }

  private func differences(_ fault: CheckpointFault?) -> LoadReport? {
    if case .mismatch(_, let report) = fault { report } else { nil }
  }

  @Test func everythingFits() throws {
    var whole = checkpoint(["conv.weight": 2, "bn.running_mean": 2, "fc.weight": 3, "fc.bias": 1])
    whole.set(StoredArray([9] as [Int64], shape: []), at: "bn.num_batches_tracked")
    whole.set(StoredArray([1, 2] as [Float], shape: [2]).cast(to: .float16), at: "conv.weight")
    let match = try whole.match(cells: cells, headPath: "fc")
    #expect(match.report.loaded.count == 5)
    #expect(match.report.conversions == [.type(path: "conv.weight", from: .float16, to: .float32)])
    #expect(match.report.missingCounters.isEmpty)
    #expect(match.arrays["conv.weight"]?.floats() == [1, 2])
  }

  @Test func countersAndAWholeHeadMayBeAbsent() throws {
    let match = try checkpoint(["conv.weight": 2, "bn.running_mean": 2]).match(cells: cells, headPath: "fc")
    #expect(match.report.headAbsent)
    #expect(match.report.missingCounters == ["bn.num_batches_tracked"])
    #expect(match.report.absentHead == ["fc.weight", "fc.bias"])
    #expect(match.report.description.contains("head is absent"))
  }

  @Test func halfAHeadIsAnError() {
    let half = checkpoint(["conv.weight": 2, "bn.running_mean": 2, "fc.weight": 3])
    let fault = #expect(throws: CheckpointFault.self) { try half.match(cells: cells, headPath: "fc") }
    #expect(differences(fault)?.missing == ["fc.bias"])
    #expect(throws: CheckpointFault.self) {
      try checkpoint(["conv.weight": 2, "bn.running_mean": 2]).match(cells: cells, headPath: nil)
    }
  }

  @Test func everyDifferenceIsReportedAtOnce() throws {
    let other = checkpoint(["conv.wieght": 2, "bn.running_mean": 3, "fc.weight": 3, "fc.bias": 1, "extra": 1])
    let fault = #expect(throws: CheckpointFault.self) { try other.match(cells: cells, headPath: "fc") }
    let found = differences(fault)
    let report = try #require(found)
    #expect(report.missing == ["conv.weight"])
    #expect(report.unexpected == ["conv.wieght", "extra"])
    #expect(report.mismatched == [.init(path: "bn.running_mean", expected: [2], found: [3])])
    #expect(report.suggestions == ["conv.weight": "conv.wieght"])
    let line = try #require(fault?.description)
    for part in ["conv.weight", "is 'conv.wieght' meant?", "extra", "[3]", "[2]"] { #expect(line.contains(part)) }
    #expect(!line.contains("\n"))
  }

  @Test func whatIsAllowedIsSaid() throws {
    let other = checkpoint(["bn.running_mean": 3, "fc.weight": 3, "fc.bias": 1, "extra.deep": 1])
    let match = try other.match(
      cells: cells, headPath: "fc", allowing: [.missing("conv"), .unexpected("extra.*"), .mismatched("bn.**")])
    let allowed = match.report.allowed
    #expect(allowed.missing == ["conv.weight"] && allowed.unexpected == ["extra.deep"])
    #expect(allowed.mismatched == [.init(path: "bn.running_mean", expected: [2], found: [3])])
    #expect(
      match.report.description.split(separator: "\n").dropFirst() == [
        "1 batch counters absent: they start at 0",
        "'bn.running_mean' has the shape [3] and is left out, as allowed", "'conv.weight' is missing, as allowed",
        "'extra.deep' is not in the network and left out, as allowed",
      ])
    #expect(match.arrays["bn.running_mean"] == nil)
  }

  @Test func aPatternThatAllowsNothingIsAnError() throws {
    let whole = checkpoint(["conv.weight": 2, "bn.running_mean": 2, "fc.weight": 3, "fc.bias": 1])
    #expect(throws: CheckpointFault.patternMatchesNothing(pattern: "con")) {
      try whole.match(cells: cells, headPath: "fc", allowing: [.missing("con")])
    }
  }

  @Test func nothingMatchedIsItsOwnError() {
    #expect(throws: CheckpointFault.nothingMatched(path: "x.h5", expected: cells.map(\.path), found: ["a", "b"])) {
      try checkpoint(["a": 1, "b": 1]).match(
        cells: cells, headPath: "fc", allowing: [.missing("**"), .unexpected("**")], path: "x.h5")
    }
  }

  @Test func patterns() throws {
    let cases: [(String, String, Bool)] = [
      ("layer4", "layer4", true), ("layer4", "layer4.0.conv", true), ("layer4", "layer40.0", false),
      ("layer4", "a.layer4", false), ("*", "a", true), ("*.conv", "a.conv.weight", true), ("*.conv", "conv", false),
      ("**.weight", "weight", true), ("**.weight", "a.b.weight", true), ("**.weight", "a.b.bias", false),
      ("a.**.c", "a.c", true), ("a.**.c", "a.b.b.c.d", true), ("a.**.c", "a.b", false), ("**", "x.y", true),
      ("a.b", "a", false), ("a.*", "a", false), ("a.**", "a", true),
    ]
    for (pattern, path, matches) in cases {
      #expect(try PathPattern(pattern).matches(path) == matches, "\(pattern) on \(path)")
    }
    let stars = try PathPattern(Array(repeating: "**", count: 30).joined(separator: ".") + ".end")
    #expect(!stars.matches(Array(repeating: "a", count: 200).joined(separator: ".")))
    #expect(throws: PathPattern.Fault.emptyComponent(pattern: "a..b")) { try PathPattern("a..b") }
    #expect(throws: PathPattern.Fault.partialStar(pattern: "conv*", component: "conv*")) { try PathPattern("conv*") }
  }

  @Test func differences() {
    let first = checkpoint(["same": 2, "shape": 2, "first": 1, "values": 2])
    var second = checkpoint(["same": 2, "shape": 3, "second": 1])
    second.set(StoredArray([1, -1.5] as [Float], shape: [2]), at: "values")
    let difference = CheckpointDifference(first, second)
    #expect(difference.onlyInFirst == ["first"])
    #expect(difference.onlyInSecond == ["second"])
    #expect(difference.otherShape == [.init(path: "shape", first: [2], second: [3])])
    #expect(difference.otherValues == [.init(path: "values", largest: 2.5)])
    #expect(difference.largest == 2.5)
    #expect(CheckpointDifference(first, first).isEmpty)
    var nan = first
    nan.set(StoredArray([.nan, 1] as [Float], shape: [2]), at: "same")
    #expect(CheckpointDifference(first, nan).largest == .infinity)
    #expect(CheckpointDifference(nan, nan).isEmpty)
  }

  @Test func aNetworkWithOneNameForTwoCellsIsRefusedWithBoth() {
    let twice = cells + [.init(path: "fc.bias", shape: [4], role: .buffer)]
    #expect(
      throws: CheckpointFault.sameName(
        path: "x.h5", name: "fc.bias", first: "a parameter [1]", second: "a buffer [4]")
    ) { try checkpoint(["fc.bias": 1]).match(cells: twice, path: "x.h5") }
    let settings: [SettingDescription] = [
      .init(path: "a.epsilon", allowed: 0...1), .init(path: "a.epsilon", allowed: 0...1),
    ]
    #expect(throws: CheckpointFault.self) { try checkpoint(["fc.bias": 1]).match(cells: cells, settings: settings) }
  }

  @Test func whatWasRenamedIsReported() throws {
    let foreign = checkpoint(["net/conv:0": 2, "bn.running_mean": 2, "fc.weight": 3, "fc.bias": 1])
    let renamed = try foreign.dotted().renamed(by: [.init("^net[.]conv:0$=conv.weight")])
    let report = try renamed.match(cells: cells, headPath: "fc").report
    #expect(report.conversions == [.renamed(path: "conv.weight", from: "net/conv:0")])
    #expect(report.description.contains("1 renamed"))
    let ordered = try foreign.renamedByStructure(of: cells, path: "x").match(cells: cells).report
    #expect(ordered.conversions == [.renamed(path: "conv.weight", from: "net/conv:0")])
  }

  @Test func renaming() throws {
    let renamed = try checkpoint(["a.0.w": 1, "b": 1]).renamed(by: [.init(#"^a\.(\d)\.=x$1."#), .init("w$=weight")])
    #expect(renamed.paths == ["x0.weight", "b"])
    #expect(try checkpoint(["a/b:0": 1]).dotted().paths == ["a.b:0"])
    #expect(throws: CheckpointFault.renameCollides(tensor: "z", first: "a", second: "b")) {
      try checkpoint(["a": 1, "b": 1]).renamed(by: [RenamingRule("a|b=z")])
    }
    #expect(throws: CheckpointFault.self) { try RenamingRule("(=x") }
    #expect(throws: CheckpointFault.self) { try RenamingRule("abc") }
  }
}
