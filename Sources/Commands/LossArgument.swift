import ArgumentParser
import Aviary

extension TrainingLoss: OptionWord {
  public var word: String { rawValue }
}
