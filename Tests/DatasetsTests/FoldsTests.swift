// swift-format-ignore-file: AlwaysUseLowerCamelCase

import Foundation
import Testing

@testable import AviaryDatasets

@Suite struct FoldsTests {
  struct Golden: Decodable, CustomTestStringConvertible {
    let labels: [Int]
    let groups: [Int]
    let folds: Int
    let plain, stratified, in_order, stratified_grouped: [[Int]]
    let group_sizes: [Int]
    let repeated: [[Int]]
    var testDescription: String { "\(folds) folds of \(labels.count)" }
  }

  private struct File: Decodable { let cases: [Golden] }

  private static let goldens: [Golden] = {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Goldens/splits.json")
    return ((try? JSONDecoder().decode(File.self, from: Data(contentsOf: path)))?.cases) ?? []
  }()

  private func counts(_ folds: Folds, _ labels: [Int]) -> [[Int]] {
    folds.all.map { fold in
      fold.held.reduce(into: Array(repeating: 0, count: (labels.max() ?? 0) + 1)) { $0[labels[$1]] += 1 }
    }
  }

  /// Each example is held out once, and never learned from where it is.
  private func expectWhole(_ folds: Folds, count: Int) {
    #expect(folds.all.flatMap(\.held).sorted() == Array(0..<count))
    for fold in folds.all {
      #expect((fold.training + fold.held).sorted() == Array(0..<count))
      #expect(fold.training == fold.training.sorted() && fold.held == fold.held.sorted() && !fold.held.isEmpty)
    }
  }

  @Test func thereAreGoldens() { #expect(Self.goldens.count == 6) }

  @Test(arguments: goldens) func withoutADrawTheyAreScikitLearns(_ golden: Golden) throws {
    let (labels, groups, folds) = (golden.labels, golden.groups, golden.folds)
    #expect(try Folds(count: labels.count, folds: folds, seed: nil).all.map(\.held) == golden.plain)
    #expect(try Folds(labels: labels, folds: folds, seed: nil).all.map(\.held) == golden.stratified)
    #expect(
      try Folds(labels: labels, groups: groups, folds: folds, seed: nil).all.map(\.held) == golden.stratified_grouped)
    let ordered = try Folds(inOrder: labels.count, folds: folds)
    #expect(ordered.all.map(\.held) == golden.in_order)
    for fold in ordered.all { #expect(fold.training == Array(0..<fold.held[0])) }
    #expect(try Folds(groups: groups, folds: folds, seed: nil).all.map(\.held.count).sorted() == golden.group_sizes)
  }

  @Test(arguments: goldens) func drawnOnesKeepSizesClassesAndGroups(_ golden: Golden) throws {
    let (labels, groups, folds) = (golden.labels, golden.groups, golden.folds)
    var repeated: [[Int]] = []
    for repetition in 0..<3 {
      let plain = try Folds(count: labels.count, folds: folds, seed: 5, repetition: repetition)
      expectWhole(plain, count: labels.count)
      #expect(plain.all.map(\.held.count) == golden.plain.map(\.count))
      let stratified = try Folds(labels: labels, folds: folds, seed: 5, repetition: repetition)
      expectWhole(stratified, count: labels.count)
      repeated += counts(stratified, labels)
      for folds in [
        try Folds(groups: groups, folds: folds, seed: 5, repetition: repetition),
        try Folds(labels: labels, groups: groups, folds: folds, seed: 5, repetition: repetition),
      ] {
        expectWhole(folds, count: labels.count)
        for fold in folds.all {
          #expect(Set(fold.training.map { groups[$0] }).isDisjoint(with: fold.held.map { groups[$0] }))
        }
      }
      let sizes = try Folds(groups: groups, folds: folds, seed: 5, repetition: repetition).all.map(\.held.count)
      #expect(sizes.sorted() == golden.group_sizes)
    }
    #expect(repeated.sorted { $0.lexicographicallyPrecedes($1) } == golden.repeated)
  }

  @Test func seedsAndRepetitionsDrawOthers() throws {
    func held(_ seed: UInt64, _ repetition: Int) throws -> [[Int]] {
      try Folds(count: 40, folds: 4, seed: seed, repetition: repetition).all.map(\.held)
    }
    #expect(try held(1, 0) == held(1, 0))
    #expect(try held(1, 0) != held(2, 0) && held(1, 0) != held(1, 1))
  }

  @Test func tooManyFoldsAreRefused() {
    #expect(throws: SplitFault.tooFewFolds(1)) { try Folds(count: 4, folds: 1, seed: nil) }
    #expect(throws: SplitFault.tooManyFolds(folds: 5, items: "examples", count: 4)) {
      try Folds(count: 4, folds: 5, seed: nil)
    }
    #expect(throws: SplitFault.tooManyFolds(folds: 3, items: "groups", count: 2)) {
      try Folds(groups: [7, 7, 9, 9], folds: 3, seed: nil)
    }
    #expect(throws: SplitFault.tooManyFolds(folds: 3, items: "examples of any class", count: 2)) {
      try Folds(labels: [0, 0, 1, 1], folds: 3, seed: nil)
    }
    #expect(throws: SplitFault.tooManyFolds(folds: 4, items: "examples after the first", count: 3)) {
      try Folds(inOrder: 4, folds: 4)
    }
    #expect(throws: SplitFault.tooManyFolds(folds: 2, items: "examples", count: 0)) {
      try Folds(count: 0, folds: 2, seed: 1)
    }
  }
}
