import ArgumentParser
import Aviary

/// A library's enum whose cases are words of the command line.
public protocol OptionWord: ExpressibleByArgument, CaseIterable, RawRepresentable where RawValue == String {
  /// How the command line spells the case.
  var word: String { get }
}

extension OptionWord {
  public var word: String { kebabCase(rawValue) }

  public init?(argument: String) {
    guard let found = Self.allCases.first(where: { $0.word == argument }) else { return nil }
    self = found
  }

  public var defaultValueDescription: String { word }
  public static var allValueStrings: [String] { allCases.map(\.word) }
}

extension OptimizerConfiguration.Kind: OptionWord {}
extension Monitor: OptionWord {
  /// Keras's names have the prefix, too: everything is of validation here.
  public init?(argument: String) {
    self.init(rawValue: argument.hasPrefix("val_") ? String(argument.dropFirst(4)) : argument)
  }
}
extension Preprocessing.Channels: OptionWord {}
extension Preprocessing.Preset: OptionWord {}
extension Preprocessing.Samplewise: OptionWord {}
extension KerasMapping.KernelOrder: OptionWord {}
extension TableSettings.Task: OptionWord {}
extension TableSettings.Scaling: OptionWord {}
extension TextUnit: OptionWord {}

extension TableSettings.Missing: OptionWord {
  public var word: String { self == .dropRow ? "drop" : kebabCase(rawValue) }
}

extension Precision: OptionWord {
  public var word: String { rawValue }
}
