import AviaryCheckpoints
import AviaryLayers

extension Registry {
  /// The networks that come with Aviary, each family's list at the end of its own file. A program adds its own:
  /// `Registry.zoo.adding(…)`.
  public static let zoo = Registry(
    [
      Architecture.resNets,
      Architecture.cifarResNets,
      Architecture.squeezeNets,
      Architecture.graphNetworks,
      Architecture.graphIsomorphismNetworks,
      Architecture.characterModels,
      Architecture.characterTransformers,
      Architecture.sequenceClassifiers,
      Architecture.textCNNs,
      Architecture.textTransformers,
      Architecture.sequenceTaggers,
      Architecture.seq2seqs,
      Architecture.sequenceGenerators,
      Architecture.mobileNetsV2,
      Architecture.mobileNetsV3,
      Architecture.mnasNets,
      Architecture.efficientNets,
      Architecture.regNets,
      Architecture.alexNets,
      Architecture.vggs,
      Architecture.convNeXts,
      Architecture.visionTransformers,
      Architecture.swinTransformers,
      Architecture.maxViTs,
      Architecture.denseNets,
      Architecture.googLeNets,
      Architecture.inceptionsV3,
      Architecture.shuffleNetsV2,
      Architecture.xaiNets,
      Architecture.leNets,
      Architecture.mlps,
      Architecture.boltzmannMachines,
      Architecture.fashionCNNs,
      Architecture.simpleConvNets,
    ].flatMap { $0 }.map { $0.known(as: HubNames.originals(of: $0.name)) })
}
