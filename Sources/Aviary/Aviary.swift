@_exported import AviaryCheckpoints
@_exported import AviaryDatasets
@_exported import AviaryKeras
@_exported import AviaryLayers
@_exported import AviaryModels
@_exported import AviaryTensors
@_exported import AviaryTraining
